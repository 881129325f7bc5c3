// Image files into a block of pixels: one open, one read and one decoding each.
#pragma once

#include <cstdint>

#include "data/png.h"

namespace fastnn {

// Reads and decodes a file into out if it is a PNG file that PngDecoder takes, of this shape and at most 1 MiB. False
// for every other file, and for one that cannot be read: a full reader has to see to it. Never waits for a pipe or a
// device. A reader holds its buffers from file to file; each thread has its own.
class ImageReader {
public:
    bool read(const char* path, const ImageShape& shape, std::uint8_t* out);

    // Height and width of a PNG file, by its header. False where it has none.
    bool size(const char* path, std::int64_t& height, std::int64_t& width);

private:
    std::size_t fill(const char* path);  // bytes read, 0 if none or too many

    std::vector<std::uint8_t> file_;
    PngDecoder decoder_;
};

}  // namespace fastnn
