#ifndef CONEDNN_H
#define CONEDNN_H
int CDNN_version(void);
#endif
