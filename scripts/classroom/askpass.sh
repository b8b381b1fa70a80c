#!/bin/sh
# SSH runs this to get a password: SSH_ASKPASS.
printf '%s\n' "$PI_NN_PASSWORD"
