// platform.h on POSIX systems with GCC or Clang; processors are counted as Linux has them.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/platform.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace fastnn {

#if defined(__x86_64__)
// __builtin_cpu_supports asks cpuid and xgetbv: a feature counts only if the operating system saves its registers.
bool cpu_has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool cpu_has_avx512() {
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#else
bool cpu_has_avx2() { return false; }
bool cpu_has_avx512() { return false; }
#endif

namespace {

// Processors granted by one cgroup v2 folder: "max 100000" or "150000 100000"; infinity without a limit.
double quota_of(const std::string& folder) {
    std::ifstream file(folder + "/cpu.max");
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) return HUGE_VAL;
    return std::stod(quota) / period;
}

double cgroup_quota() {
    std::ifstream groups("/proc/self/cgroup");
    std::string line;
    double quota = HUGE_VAL;
    while (std::getline(groups, line)) {
        if (line.rfind("0::", 0) != 0) continue;
        std::string path = line.substr(3);
        while (true) {  // a limit on any ancestor binds
            quota = std::min(quota, quota_of("/sys/fs/cgroup" + path));
            if (path.empty() || path == "/") break;
            path.erase(path.find_last_of('/'));
        }
    }
    std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    double allowed = 0, period = 0;
    if (v1_quota >> allowed && v1_period >> period && allowed > 0 && period > 0)
        quota = std::min(quota, allowed / period);
    return quota;
}

}  // namespace

#if defined(__linux__)
std::vector<int> processors() {
    std::vector<int> numbers;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return numbers;
    for (int number = 0; number < CPU_SETSIZE; ++number) {
        if (CPU_ISSET(number, &set)) numbers.push_back(number);
    }
    return numbers;
}

void stay_on(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    static_cast<void>(sched_setaffinity(0, sizeof set, &set));
}
#else
std::vector<int> processors() { return {}; }
void stay_on(int) {}
#endif

int available_cpus() {
    const std::size_t allowed = processors().size();
    int cpus = static_cast<int>(allowed > 0 ? allowed : std::thread::hardware_concurrency());
    const double quota = cgroup_quota();
    if (quota < cpus) cpus = static_cast<int>(std::ceil(quota));
    return std::max(cpus, 1);
}

std::int64_t addresses_left() {
    rlimit limit{};
    std::int64_t used = 0;  // in pages, where the system tells
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return std::numeric_limits<std::int64_t>::max();
    std::ifstream("/proc/self/statm") >> used;
    return std::max<std::int64_t>(static_cast<std::int64_t>(limit.rlim_cur) - used * sysconf(_SC_PAGESIZE), 0);
}

Fork last_fork() {
    static std::atomic<int> count{0};
    static std::thread::id thread;  // written where there is no other
    static const int watching = pthread_atfork(nullptr, nullptr, [] {
        thread = std::this_thread::get_id();
        count.fetch_add(1);
    });
    static_cast<void>(watching);
    return {count.load(), thread};
}

bool forked() { return last_fork().count > 0; }

std::size_t read_file(const char* path, void* bytes, std::size_t most) {
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0) return 0;
    const ssize_t size = read(file, bytes, most);  // a short read of a regular file is all of it
    close(file);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
}

FolderReader::FolderReader(const char* path)
    : handle_(opendir(path), [](void* folder) { closedir(static_cast<DIR*>(folder)); }) {}

FolderReader::Entry FolderReader::next(const char*& name) {
    for (;;) {
        errno = 0;
        const dirent* const entry = readdir(static_cast<DIR*>(handle_.get()));
        if (entry == nullptr) return errno == 0 ? Entry::end : Entry::failed;
        name = entry->d_name;
        if (std::string_view(name) == "." || std::string_view(name) == "..") continue;
        return entry->d_type == DT_REG ? Entry::file : entry->d_type == DT_DIR ? Entry::folder : Entry::other;
    }
}

namespace {

std::int64_t nanoseconds(const timespec& time) {
    std::int64_t result = 0;
    const bool fits = !__builtin_mul_overflow(std::int64_t{time.tv_sec}, std::int64_t{1'000'000'000}, &result) &&
                      !__builtin_add_overflow(result, std::int64_t{time.tv_nsec}, &result);
    return fits ? result : std::numeric_limits<std::int64_t>::max();
}

#if defined(__APPLE__)
timespec changed(const struct stat& status) { return status.st_mtimespec; }
timespec touched(const struct stat& status) { return status.st_ctimespec; }
#else
timespec changed(const struct stat& status) { return status.st_mtim; }
timespec touched(const struct stat& status) { return status.st_ctim; }
#endif

}  // namespace

bool FolderReader::stamp(const char* name, FileStamp& stamp) const {
    struct stat status;
    const int folder = dirfd(static_cast<DIR*>(handle_.get()));
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) return false;
    stamp = {status.st_size, nanoseconds(changed(status)), nanoseconds(touched(status))};
    return true;
}

}  // namespace fastnn
