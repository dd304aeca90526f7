/* Uses libripe from end to end: images, checkpoints, table, pick. The tests run it, under valgrind where there is one.
   Usage: example TARGET CACHE CHECKPOINT... */
#include <ripe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *error = NULL;

static void check(ripe_status status, const char *call) {
    if (status == RIPE_OK) return;
    fprintf(stderr, "%s: %s\n", call, error);
    ripe_free(error);
    exit((int)status);
}

int main(int count, char **words) {
    if (count < 4 || ripe_abi_version() != RIPE_ABI_VERSION) return 64;
    const char *options[] = {
        "--target", words[1], "--cache", words[2], "--image-size", "32", "--draws", "1", "--threads", "2"};
    ripe_session *session = NULL;
    char *text = NULL, *path = NULL, *sentence = NULL;
    check(ripe_open(options, sizeof options / sizeof *options, &session, &error), "ripe_open");
    for (int i = 3; i < count; i++) {
        check(ripe_score(session, words[i], &text, &error), "ripe_score");
        ripe_free(text);
    }
    if (ripe_score(session, words[1], &text, &error) == RIPE_OK) return 99; /* a folder of images is no checkpoint */
    ripe_free(error);
    check(ripe_table(session, &text, &error), "ripe_table");
    printf("%zu bytes of table\n", strlen(text));
    ripe_free(text);
    int32_t stop = -1;
    check(ripe_should_stop(session, 1, 0, 0.95, &stop, &text, &error), "ripe_should_stop");
    printf("stop %d: %s\n", (int)stop, text);
    ripe_free(text);
    check(ripe_pick(session, &path, &sentence, &error), "ripe_pick");
    printf("%s\n%s\n", path, sentence);
    ripe_free(path);
    ripe_free(sentence);
    ripe_close(session);
    return 0;
}
