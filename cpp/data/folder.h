// The image files of a folder, with the size and time of change of each, in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fastnn {

// What lies in a folder. plain: nothing but regular files and folders with names in ASCII, and all of it could be read;
// otherwise the rest is empty, and someone who knows links and encodings has to look.
struct Listing {
    bool plain = false;
    std::vector<std::string> files;    // sorted; those with one of the extensions
    std::vector<std::int64_t> stamps;  // of each file: bytes; in ns when its content and when anything about it changed
    std::vector<std::string> folders;  // in no order
};

constexpr std::size_t stamps_a_file = 3;

// extensions in lower case, with their dots; compared without regard to case. stamped: false leaves stamps empty.
Listing list_folder(const char* path, const std::vector<std::string>& extensions, bool stamped);

}  // namespace fastnn
