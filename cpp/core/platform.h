// What the operating system gives and the C++ standard does not. Its headers are included by one file a system,
// platform_posix.cpp and platform_windows.cpp; another one needs such a file, and nothing else here changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace fastnn {

bool cpu_has_avx2();    // with FMA, and the operating system saves ymm registers
bool cpu_has_avx512();  // F, DQ, BW, VL, and the operating system saves zmm registers

// The numbers of the processors that the calling thread may use, ascending; empty where the system does not tell.
std::vector<int> processors();

// The calling thread runs on this one alone from here on, if the system lets it.
void stay_on(int processor);

// Processors this process may use: the affinity mask, cut to the cgroup's quota (rounded up), at least 1.
int available_cpus();

// Bytes of addresses that a limit (ulimit -v) leaves this process; the most there is where nothing limits them.
std::int64_t addresses_left();

// The forks that this process is a child of, those after the first call of this, and the thread that made the last one.
struct Fork {
    int count;
    std::thread::id thread;
};

Fork last_fork();

// Whether this process is the child of a fork that came after the first call of this: it has the thread that forked,
// and no other.
bool forked();

// The first bytes of a file, at most so many; returns how many, 0 where it cannot be read. Never waits for a pipe or a
// device.
std::size_t read_file(const char* path, void* bytes, std::size_t most);

// Bytes, and in ns when the content and when anything about it changed: the most there is for a time after 2262.
struct FileStamp {
    std::int64_t size, changed, touched;
};

// An open folder, read once from its beginning to its end.
class FolderReader {
public:
    explicit FolderReader(const char* path);
    bool is_open() const { return handle_ != nullptr; }

    // The next entry, "." and ".." left out; its name is valid until the next call. failed: not the end of the folder.
    enum class Entry { file, folder, other, end, failed };
    Entry next(const char*& name);

    // False where there is no regular file of that name (any more).
    bool stamp(const char* name, FileStamp& stamp) const;

private:
    std::unique_ptr<void, void (*)(void*)> handle_;
};

}  // namespace fastnn
