# What the callbacks of all trainers share.
