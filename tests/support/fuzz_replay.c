// SPDX-License-Identifier: ISC
// Main of a fuzz target where there is no libFuzzer: hands every file of a corpus folder to it
// once.
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// False when the file can't be read.
static bool replay_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return false;
    }
    size_t size = (size_t)info.st_size;
    // Exactly as large as the input, so that AddressSanitizer sees a read beyond it.
    uint8_t *data = malloc(size == 0 ? 1 : size);
    bool complete = data != NULL && read(fd, data, size) == info.st_size;
    close(fd);
    if (complete) {
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return complete;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    size_t count = 0;
    bool complete = true;
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_type == DT_REG) {
            complete = replay_file(dirfd(folder), entry->d_name) && complete;
            count++;
        }
    }
    closedir(folder);
    printf("%zu inputs\n", count);
    return complete && count > 0 ? 0 : 1;
}
