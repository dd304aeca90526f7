// Marks a function to be compiled for several instruction sets; the loader picks the best one.
#ifndef CKERNELS_CLONES_H
#define CKERNELS_CLONES_H
#if defined(__x86_64__) && defined(__linux__)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CK_CLONES
#endif
#endif
