// libpng for Swift. libpng reports errors by longjmp, which must not cross a Swift frame: every call that can
// fail stays under one setjmp in CPNG.c.
#ifndef CPNG_H
#define CPNG_H
int CPNG_version(void);
#endif
