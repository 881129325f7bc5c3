// Small PNG files (W3C, PNG specification): the kinds that usual writers make of small images, read without a library.
//
// 8 bits a sample; grey, RGB or palette; not interlaced; no chunk that could change a pixel. Everything else, and
// everything that is damaged, is refused here and left to a full reader, which also knows what to say about it. What is
// accepted has the pixels that Pillow's convert("RGB") gives, then convert("L") where one channel is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/inflate.h"

namespace fastnn {

// uint8 (channels, height, width), contiguous; channels is 1 or 3.
struct ImageShape {
    std::int64_t channels, height, width;
    std::int64_t size() const { return channels * height * width; }
};

class PngDecoder {
public:
    // Decodes a whole file into out. False, and out as it was, for another size or anything this class does not read.
    bool decode(const std::uint8_t* file, std::size_t size, const ImageShape& shape, std::uint8_t* out);

private:
    struct Chunks;

    bool walk(const std::uint8_t* file, std::size_t size, Chunks& chunks);
    bool indices_fit(const Chunks& chunks) const;
    void convert(const Chunks& chunks, std::int64_t channels, std::uint8_t* out) const;

    Inflater inflater_;
    std::vector<std::uint8_t> rows_;    // a row of zeros, then each row: its filter and its samples
    std::vector<std::uint8_t> joined_;  // the data of several IDAT chunks
};

// Width and height that the header of a PNG file claims. False if it has none.
bool png_size(const std::uint8_t* file, std::size_t size, std::int64_t& height, std::int64_t& width);

// CRC-32 of PNG and zlib.
std::uint32_t crc32(const std::uint8_t* data, std::size_t size);

}  // namespace fastnn
