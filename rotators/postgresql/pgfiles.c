// SPDX-License-Identifier: ISC
#include "rotators/postgresql/pgfiles.h"

#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATES_MAX_BYTES = 4 * 1024 * 1024 };

// libpq reads all of it. What isn't a plain file, or has no size as those of /proc, could be
// without end, or do something when it is read.
static bool is_plain(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
           about.st_size <= CERTIFICATES_MAX_BYTES;
}

static const char *wrong_certificates(const struct pglogin_route *route)
{
    if (route->ca_file[0] != '/') {
        return "ca_file: expected the absolute path of a file";
    }
    if (access(route->ca_file, R_OK) != 0) {
        return "ca_file: there is no such file, or the user that rotators run as can't read it; "
               "unless it is set, that is the system's";
    }
    return is_plain(route->ca_file)
               ? NULL
               : "ca_file: not a regular file of at most 4 MiB that holds something";
}

static const char *wrong_key(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        return "client_key_file: there is no such file, or the rotator's process can't reach it";
    }
    if (!S_ISREG(about.st_mode)) {
        return "client_key_file: not a regular file";
    }
    // Inside of a user namespace root shows as nobody: then only the stricter rule can be kept.
    unsigned open_to = about.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if ((about.st_mode & open_to) != 0) {
        return "client_key_file: others may read it: chmod 600, or 640 when it belongs to root";
    }
    return access(path, R_OK) == 0
               ? NULL
               : "client_key_file: the user that rotators run as can't read it: make it the file's "
                 "owner with mode 600, or give the file to root with that user's group and mode "
                 "640";
}

const char *pgfiles_wrong(const struct pglogin_route *route)
{
    bool certificate = route->client_cert_file[0] != '\0';
    if (certificate != (route->client_key_file[0] != '\0')) {
        return "client_cert_file and client_key_file go together: one of them is missing";
    }
    if (route->by_certificate && !certificate && !route->socket) {
        return "the target has neither a password nor a client certificate to log in with";
    }
    if (route->socket) {
        return NULL;
    }
    const char *wrong = wrong_certificates(route);
    if (wrong != NULL || !certificate) {
        return wrong;
    }
    if (access(route->client_cert_file, R_OK) != 0) {
        return "client_cert_file: there is no such file, or the user that rotators run as can't "
               "read it";
    }
    if (!is_plain(route->client_cert_file)) {
        return "client_cert_file: not a regular file of at most 4 MiB that holds something";
    }
    return wrong_key(route->client_key_file);
}
