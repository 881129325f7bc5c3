// platform.h on Windows (64 bits) with GCC or Clang. Paths are UTF-8, as Python has them there.
#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <cpuid.h>
#include <windows.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/platform.h"

namespace fastnn {

namespace {

// Clang's own question for features needs a library that Microsoft's linker is not given, so cpuid is asked here.
struct Features {
    unsigned leaf1_ecx = 0, leaf7_ebx = 0, saved = 0;  // saved: the registers that the system keeps (XCR0)

    Features() {
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (!__get_cpuid(1, &a, &b, &leaf1_ecx, &d)) return;
        __get_cpuid_count(7, 0, &a, &leaf7_ebx, &c, &d);
        if ((leaf1_ecx & bit_OSXSAVE) != 0) __asm__("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
    }

    bool has(unsigned leaf1, unsigned leaf7, unsigned registers) const {
        return (leaf1_ecx & leaf1) == leaf1 && (leaf7_ebx & leaf7) == leaf7 && (saved & registers) == registers;
    }
};

// Bits of XCR0: xmm and ymm; masks, the upper halves of zmm, zmm16 to 31.
constexpr unsigned ymm = 0x06, zmm = ymm | 0xe0;

std::wstring wide(std::string_view text) {
    const int size = static_cast<int>(text.size());
    std::wstring out(static_cast<std::size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), size, nullptr, 0)), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, text.data(), size, out.data(), static_cast<int>(out.size()));
    return out;
}

std::string narrow(const wchar_t* text) {
    const int size =
        WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);  // with the zero behind it
    std::string out(static_cast<std::size_t>(std::max(size, 1)), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text, -1, out.data(), size, nullptr, nullptr);
    out.pop_back();
    return out;
}

// An open file; whoever else has it open may go on to write, rename and remove it.
class File {
public:
    File(const std::wstring& path, DWORD access)
        : handle_(CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                              OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr)) {}
    ~File() {
        if (is_open()) CloseHandle(handle_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    bool is_open() const { return handle_ != INVALID_HANDLE_VALUE; }
    HANDLE handle() const { return handle_; }

private:
    HANDLE handle_;
};

// From 100 ns since 1601 to ns since 1970.
std::int64_t nanoseconds(std::int64_t time) {
    constexpr std::int64_t to_1970 = 116'444'736'000'000'000, most = std::numeric_limits<std::int64_t>::max() / 100;
    return std::clamp(time - to_1970, -most, most) * 100;
}

struct Folder {
    explicit Folder(const char* folder) : path(wide(folder) + L"\\") {
        search = FindFirstFileW((path + L"*").c_str(), &entry);
    }
    ~Folder() {
        if (search != INVALID_HANDLE_VALUE) FindClose(search);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::wstring path;
    WIN32_FIND_DATAW entry{};
    HANDLE search;
    bool unread = true;  // entry is the next one
    std::string name;
};

}  // namespace

bool cpu_has_avx2() {
    static const bool has = Features().has(bit_AVX | bit_FMA, bit_AVX2, ymm);
    return has;
}

bool cpu_has_avx512() {
    constexpr unsigned parts = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    static const bool has = cpu_has_avx2() && Features().has(bit_AVX, parts, zmm);
    return has;
}

// Those of the thread's group of at most 64.
std::vector<int> processors() {
    std::vector<int> numbers;
    DWORD_PTR own = 0, all = 0;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &own, &all)) return numbers;
    for (int number = 0; number < 64; ++number) {
        if ((own >> number & 1) != 0) numbers.push_back(number);
    }
    return numbers;
}

void stay_on(int processor) { SetThreadAffinityMask(GetCurrentThread(), DWORD_PTR{1} << processor); }

int available_cpus() {
    const std::size_t allowed = processors().size();
    return std::max(static_cast<int>(allowed > 0 ? allowed : std::thread::hardware_concurrency()), 1);
}

std::int64_t addresses_left() { return std::numeric_limits<std::int64_t>::max(); }

// There is no fork.
Fork last_fork() { return {0, {}}; }
bool forked() { return false; }

std::size_t read_file(const char* path, void* bytes, std::size_t most) {
    const File file(wide(path), GENERIC_READ);
    if (!file.is_open() || GetFileType(file.handle()) != FILE_TYPE_DISK) return 0;
    DWORD size = 0;
    const auto wanted = static_cast<DWORD>(std::min<std::size_t>(most, std::numeric_limits<DWORD>::max()));
    return ReadFile(file.handle(), bytes, wanted, &size, nullptr) ? size : 0;
}

FolderReader::FolderReader(const char* path)
    : handle_(new Folder(path), [](void* folder) { delete static_cast<Folder*>(folder); }) {
    if (static_cast<Folder*>(handle_.get())->search == INVALID_HANDLE_VALUE) handle_.reset();
}

FolderReader::Entry FolderReader::next(const char*& name) {
    Folder& folder = *static_cast<Folder*>(handle_.get());
    for (;;) {
        if (!folder.unread && !FindNextFileW(folder.search, &folder.entry))
            return GetLastError() == ERROR_NO_MORE_FILES ? Entry::end : Entry::failed;
        folder.unread = false;
        folder.name = narrow(folder.entry.cFileName);
        name = folder.name.c_str();
        if (folder.name == "." || folder.name == "..") continue;
        const DWORD kind = folder.entry.dwFileAttributes;
        if ((kind & (FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE)) != 0) return Entry::other;
        return (kind & FILE_ATTRIBUTE_DIRECTORY) != 0 ? Entry::folder : Entry::file;
    }
}

bool FolderReader::stamp(const char* name, FileStamp& stamp) const {
    const Folder& folder = *static_cast<const Folder*>(handle_.get());
    const File file(folder.path + wide(name), FILE_READ_ATTRIBUTES);
    FILE_BASIC_INFO times;
    LARGE_INTEGER size;
    constexpr DWORD no_file = FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE | FILE_ATTRIBUTE_DIRECTORY;
    if (!file.is_open() || !GetFileSizeEx(file.handle(), &size) ||
        !GetFileInformationByHandleEx(file.handle(), FileBasicInfo, &times, sizeof times) ||
        (times.FileAttributes & no_file) != 0)
        return false;
    stamp = {size.QuadPart, nanoseconds(times.LastWriteTime.QuadPart), nanoseconds(times.ChangeTime.QuadPart)};
    return true;
}

}  // namespace fastnn
