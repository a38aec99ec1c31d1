module example.com/signet-example

go 1.19
