#include "data/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <string_view>

namespace fastnn {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool ends_with(std::string_view name, std::string_view extension) {
    return name.size() >= extension.size() &&
           std::equal(extension.begin(), extension.end(), name.end() - static_cast<std::ptrdiff_t>(extension.size()),
                      [](char wanted, char c) { return wanted == lower(c); });
}

bool is_ascii(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
}

// The most there is for a time that does not fit: after 2262.
std::int64_t nanoseconds(const timespec& time) {
    std::int64_t result = 0;
    const bool fits = !__builtin_mul_overflow(std::int64_t{time.tv_sec}, std::int64_t{1'000'000'000}, &result) &&
                      !__builtin_add_overflow(result, std::int64_t{time.tv_nsec}, &result);
    return fits ? result : std::numeric_limits<std::int64_t>::max();
}

// False where the file has gone or is no regular file any more.
bool add_stamps(int folder, Listing& listing) {
    listing.stamps.reserve(stamps_a_file * listing.files.size());
    for (const std::string& file : listing.files) {
        struct stat status;
        if (fstatat(folder, file.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) return false;
        listing.stamps.push_back(status.st_size);
        listing.stamps.push_back(nanoseconds(status.st_mtim));
        listing.stamps.push_back(nanoseconds(status.st_ctim));
    }
    return true;
}

// False for a folder that is not plain.
bool fill(DIR* folder, const std::vector<std::string>& extensions, Listing& listing) {
    for (;;) {
        errno = 0;
        const dirent* const entry = readdir(folder);
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (!is_ascii(name) || (entry->d_type != DT_REG && entry->d_type != DT_DIR)) return false;
        if (entry->d_type == DT_DIR) {
            listing.folders.emplace_back(name);
        } else if (std::any_of(extensions.begin(), extensions.end(),
                               [&](const std::string& extension) { return ends_with(name, extension); })) {
            listing.files.emplace_back(name);
        }
    }
    if (errno != 0) return false;  // not the end of the folder
    std::sort(listing.files.begin(), listing.files.end());
    return true;
}

}  // namespace

Listing list_folder(const char* path, const std::vector<std::string>& extensions, bool stamped) {
    Listing listing;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path), closedir);
    if (folder == nullptr) return listing;
    listing.plain = fill(folder.get(), extensions, listing) && (!stamped || add_stamps(dirfd(folder.get()), listing));
    return listing.plain ? listing : Listing();
}

}  // namespace fastnn
