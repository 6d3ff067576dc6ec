// SPDX-License-Identifier: ISC
#include "api/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "vault/base/log.h"
#include "vault/base/macros.h"
#include "vault/base/sanitizer.h"

bool confine_is_built_in(void)
{
    return !SANITIZED;
}

// Calls of other architectures' ABIs give a negative number and are left out.
static const int allowed[] = {
    // Memory. Executable mappings: see rules below.
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(mincore),
    // Threads, time and signals.
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    // Waiting.
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    // Descriptors and files.
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(fcntl),
    SCMP_SYS(lseek),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(flock),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fchmod),
    SCMP_SYS(umask),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(pipe2),
    // Sockets. Which ones can be made: see rules below.
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(sendfile),
    // Who we are and what there is.
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
};

// Nothing that a library of ours would try by itself: the process ends, and the kernel's log says
// why.
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(bpf),
    SCMP_SYS(seccomp),

    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),

    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),

    SCMP_SYS(modify_ldt),
};

// Calls that are allowed when one argument, masked, has this value.
struct rule {
    int call;
    unsigned argument;
    scmp_datum_t mask;
    scmp_datum_t value;
};

enum { ARGUMENT_0, ARGUMENT_1, ARGUMENT_2 };

#define INT_MASK ((scmp_datum_t)0xffffffffu)

static const struct rule rules[] = {
    // Threads, never processes. The C library asks for clone3 first, whose flags a filter can't
    // see; ENOSYS makes it take this one.
    {SCMP_SYS(clone), ARGUMENT_0, CLONE_THREAD, CLONE_THREAD},
    // Code comes from files only (name service modules are loaded late).
    {SCMP_SYS(mprotect), ARGUMENT_2, PROT_EXEC, 0},
    {SCMP_SYS(mmap), ARGUMENT_2, PROT_EXEC, 0},
    {SCMP_SYS(mmap), ARGUMENT_2, PROT_EXEC | PROT_WRITE, PROT_EXEC},
    {SCMP_SYS(socket), ARGUMENT_0, INT_MASK, AF_UNIX},
    {SCMP_SYS(socket), ARGUMENT_0, INT_MASK, AF_INET},
    {SCMP_SYS(socket), ARGUMENT_0, INT_MASK, AF_INET6},
    {SCMP_SYS(socket), ARGUMENT_0, INT_MASK, AF_NETLINK},
    {SCMP_SYS(ioctl), ARGUMENT_1, INT_MASK, FIONREAD},
    {SCMP_SYS(ioctl), ARGUMENT_1, INT_MASK, FIONBIO},
    {SCMP_SYS(ioctl), ARGUMENT_1, INT_MASK, TCGETS},
    // Limits are read, never changed.
    {SCMP_SYS(prlimit64), ARGUMENT_2, UINT64_MAX, 0},
    {SCMP_SYS(prctl), ARGUMENT_0, INT_MASK, PR_SET_NAME},
    {SCMP_SYS(prctl), ARGUMENT_0, INT_MASK, PR_GET_DUMPABLE},
    {SCMP_SYS(prctl), ARGUMENT_0, INT_MASK, PR_GET_SECCOMP},
};

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int failed = 0;
    for (size_t i = 0; i < count && failed == 0; i++) {
        failed = calls[i] < 0 ? 0 : seccomp_rule_add(filter, action, calls[i], 0);
    }
    return failed;
}

static int add_rules(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(rules) && failed == 0; i++) {
        const struct rule *r = &rules[i];
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, r->call, 1,
                                  SCMP_CMP(r->argument, SCMP_CMP_MASKED_EQ, r->mask, r->value));
    }
    return failed;
}

static int fill(scmp_filter_ctx filter)
{
    // All threads get it; a call of another architecture (32 bit) kills too.
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (failed == 0) {
        failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    if (failed == 0) {
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); // a tree, not a list
    }
    if (failed == 0) {
        failed = add_calls(filter, SCMP_ACT_ALLOW, allowed, ARRAY_LEN(allowed));
    }
    if (failed == 0) {
        failed = add_calls(filter, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly));
    }
    return failed != 0 ? failed : add_rules(filter);
}

static int install(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (filter == NULL) {
        return -ENOMEM;
    }
    int failed = fill(filter);
    if (failed == 0) {
        failed = seccomp_load(filter); // sets PR_SET_NO_NEW_PRIVS too
    }
    seccomp_release(filter);
    return failed;
}

struct status confine_process(void)
{
    if (!confine_is_built_in()) {
        log_event(LOG_WARN, "server.not_confined",
                  LOG_STR("reason", STR("built with a sanitizer")));
        return OK_STATUS;
    }
    int failed = install();
    if (failed != 0) {
        log_event(LOG_ERROR, "server.confine_failed", LOG_INT("errno", -failed));
        FAIL(UNAVAILABLE, "the kernel doesn't take the seccomp filter");
    }
    return OK_STATUS;
}
