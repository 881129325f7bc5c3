#include "core/cpu_features.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

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

int available_cpus() {
    int cpus = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = CPU_COUNT(&set);
#endif
    const double quota = cgroup_quota();
    if (quota < cpus) cpus = static_cast<int>(std::ceil(quota));
    return std::max(cpus, 1);
}

}  // namespace fastnn
