/* libripe: scores pretraining checkpoints on target images and recommends one, from any language.

   Five calls do it: ripe_open (the images), ripe_score (one checkpoint file, as often as there are any), ripe_table
   (everything that is known), ripe_pick (the recommended file) and ripe_close.

   Ownership.  Strings that a function hands out through a `char **` belong to the caller, who frees them with
   ripe_free. A session belongs to the caller, who frees it with ripe_close. Nothing that is passed in is kept.

   Errors.     Every function that can fail returns a ripe_status. Where it is not RIPE_OK, *error (unless `error` is
   NULL) is a sentence for a person: which file, what was found, what to do. Outputs are NULL then.

   Threads.    Different sessions may be used by different threads at the same time. One session serves one thread at a
   time: a second call waits until the first is through. ripe_cancel may be called from any thread at any time.

   Processes.  A session lives in the process that opened it. After fork() the child may not use it: every call returns
   RIPE_WRONG_PROCESS there, and ripe_close frees nothing.

   Signals.    The library installs no handlers. A checkpoint file that is cut short while it is read ends the process
   with SIGBUS, as with every memory map: score files that are complete, or in a process of their own. */

#ifndef RIPE_H
#define RIPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What this header describes; ripe_abi_version() says what the library does. */
#define RIPE_ABI_VERSION 1

typedef enum ripe_status {
    RIPE_OK = 0,
    /* It failed; the session can still be used. */
    RIPE_FAILED = 1,
    /* This checkpoint cannot be scored, for a reason that lies in it; the session goes on without it. */
    RIPE_EXCLUDED = 2,
    /* An argument or option makes no sense. */
    RIPE_USAGE = 3,
    /* ripe_cancel was called. */
    RIPE_CANCELLED = 4,
    /* The session was opened by another process, before a fork(). */
    RIPE_WRONG_PROCESS = 5
} ripe_status;

/* Target images with their views, and the scores of the checkpoints seen so far. */
typedef struct ripe_session ripe_session;

/* The version of the ABI; a library of another number must not be used. */
uint32_t ripe_abi_version(void);

/* The version of Ripe, such as "0.1.0"; a constant, not to be freed. */
const char *ripe_version(void);

/* Opens target images: reads and prepares them, which takes a while.

   options: `count` strings, exactly as one would give them to `ripe score` after the checkpoints: "--target",
   "scans/", "--image-size", "128", "--threads", "2", ... `ripe help score` lists all. --out and --json have no effect. */
ripe_status ripe_open(
    const char *const *options, int32_t count, ripe_session **session, char **error);

/* Opens views instead of images: two arrays of shape[0] images x shape[1] channels x shape[2] rows x shape[3] columns,
   float32, C order; image i of `second` is another view of image i of `first`. They are scored as they are, neither
   resized nor normalised, and copied. The options are those of ripe_open without --target and what belongs to it. */
ripe_status ripe_open_views(
    const float *first, const float *second, const int64_t shape[4], const char *const *options, int32_t count,
    ripe_session **session, char **error);

/* Scores a checkpoint file, or takes its result from the cache.

   A file that was scored before is scored anew if it has changed since. *result is a JSON object, as in the list
   "checkpoints" of scores.json. */
ripe_status ripe_score(ripe_session *session, const char *path, char **result, char **error);

/* Forgets a checkpoint, such as one that was deleted; its cached result stays. */
ripe_status ripe_forget(ripe_session *session, const char *path, char **error);

/* Everything that is known: the content of scores.json, schema "ripe.scores/1". */
ripe_status ripe_table(ripe_session *session, char **json, char **error);

/* The path of the recommended checkpoint, and a sentence on how sure that is (`sentence` may be NULL).
   RIPE_FAILED while nothing can be recommended. */
ripe_status ripe_pick(ripe_session *session, char **path, char **sentence, char **error);

/* Whether pretraining may stop, by the rule of `ripe watch`: *stop is 1 when none of the last `patience` checkpoints
   beats the best one before them by more than the noise, at the `confidence` (such as 0.95), and the last one's epoch is
   at least `min_epochs`. *reason says why or why not. */
ripe_status ripe_should_stop(
    ripe_session *session, int32_t patience, int32_t min_epochs, double confidence, int32_t *stop, char **reason,
    char **error);

/* Writes scores.json, scores.csv, scores.svg, report.html and report.json into a folder. */
ripe_status ripe_write(ripe_session *session, const char *folder, char **error);

/* Makes the call that is running, or else the next one, return RIPE_CANCELLED as soon as it can. */
void ripe_cancel(ripe_session *session);

/* Frees a string that a function of this library handed out; NULL is allowed. */
void ripe_free(char *string);

/* Frees a session; NULL is allowed. No call on it may be running. */
void ripe_close(ripe_session *session);

#ifdef __cplusplus
}
#endif

#endif
