"""`python -m signet.cli`: the same as `signet`."""

from signet.cli.app import main

if __name__ == "__main__":
    main()
