"""What Signet's functions share."""

import gc

# At a cold start the garbage collector goes over ever more modules and classes and finds nothing, for a tenth
# of what their import costs. It still runs, fifty times less often: some 10 MB may wait for it.
gc.set_threshold(100_000)
