#!/bin/sh
# Stands in for a program that is not there, or must not do in a test what it would. It notes into the file $CALLS
# how it was called: its name and its words, each with a NUL behind it, and an empty one at the end. It prints $REPLY.
printf '%s\0' "${0##*/}" "$@" '' >>"$CALLS"
cat "$REPLY"
