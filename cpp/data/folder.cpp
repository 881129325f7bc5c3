#include "data/folder.h"

#include <algorithm>
#include <string_view>

#include "core/platform.h"

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

// False for a folder that is not plain.
bool fill(FolderReader& folder, const std::vector<std::string>& extensions, Listing& listing) {
    const char* entry = nullptr;
    for (;;) {
        const FolderReader::Entry kind = folder.next(entry);
        if (kind == FolderReader::Entry::end) break;
        if (kind == FolderReader::Entry::failed || kind == FolderReader::Entry::other) return false;
        const std::string_view name = entry;
        if (!is_ascii(name)) return false;
        if (kind == FolderReader::Entry::folder) {
            listing.folders.emplace_back(name);
        } else if (std::any_of(extensions.begin(), extensions.end(),
                               [&](const std::string& extension) { return ends_with(name, extension); })) {
            listing.files.emplace_back(name);
        }
    }
    std::sort(listing.files.begin(), listing.files.end());
    return true;
}

// False where a file has gone or is no regular file any more.
bool add_stamps(const FolderReader& folder, Listing& listing) {
    listing.stamps.reserve(stamps_a_file * listing.files.size());
    for (const std::string& file : listing.files) {
        FileStamp stamp;
        if (!folder.stamp(file.c_str(), stamp)) return false;
        listing.stamps.insert(listing.stamps.end(), {stamp.size, stamp.changed, stamp.touched});
    }
    return true;
}

}  // namespace

Listing list_folder(const char* path, const std::vector<std::string>& extensions, bool stamped) {
    Listing listing;
    FolderReader folder(path);
    if (!folder.is_open()) return listing;
    listing.plain = fill(folder, extensions, listing) && (!stamped || add_stamps(folder, listing));
    return listing.plain ? listing : Listing();
}

}  // namespace fastnn
