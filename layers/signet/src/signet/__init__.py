"""What Signet's functions share."""

import gc

# At a cold start the garbage collector goes over ever more modules and classes and finds nothing, for a tenth
# of what their import costs. It still runs, ten times less often.
gc.set_threshold(20_000)
