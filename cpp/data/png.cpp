#include "data/png.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace fastnn {

namespace {

constexpr std::uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::size_t chunk_overhead = 12;              // length, name, checksum
constexpr std::uint8_t grey = 0, rgb = 2, palette = 3;  // colour types

constexpr std::uint32_t name(const char (&text)[5]) {
    return std::uint32_t{static_cast<std::uint8_t>(text[0])} << 24 | static_cast<std::uint8_t>(text[1]) << 16 |
           static_cast<std::uint8_t>(text[2]) << 8 | static_cast<std::uint8_t>(text[3]);
}

std::uint32_t big_endian(const std::uint8_t* p) { return std::uint32_t{p[0]} << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

// Chunks that change no pixel, with the only size that is right for each (0: any, up to 64 KB of text).
struct Harmless {
    std::uint32_t name, size;
};
constexpr Harmless harmless[] = {{name("gAMA"), 4}, {name("cHRM"), 32}, {name("sRGB"), 1},
                                 {name("pHYs"), 9}, {name("tIME"), 7},  {name("tEXt"), 0}};

bool is_harmless(std::uint32_t chunk, std::size_t size) {
    for (const Harmless& known : harmless) {
        if (known.name == chunk) return known.size == 0 ? size <= 65536 : size == known.size;
    }
    return false;
}

// CRC-32 of every byte, and of every byte followed by 1 to 7 zeros: eight bytes are folded at once ("slicing by 8").
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

CrcTables make_crc_tables() {
    constexpr std::uint32_t polynomial = 0xedb88320;
    CrcTables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t zeros = 1; zeros < 8; ++zeros) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t crc = tables[zeros - 1][byte];
            tables[zeros][byte] = crc >> 8 ^ tables[0][crc & 0xff];
        }
    }
    return tables;
}

std::uint8_t paeth(int left, int up, int diagonal) {
    const int to_left = std::abs(up - diagonal), to_up = std::abs(left - diagonal),
              to_diagonal = std::abs(left + up - 2 * diagonal);
    return static_cast<std::uint8_t>(to_left <= to_up && to_left <= to_diagonal ? left
                                     : to_up <= to_diagonal                     ? up
                                                                                : diagonal);
}

// PNG specification, 9: each byte is the difference from what those to the left and above predict.
bool unfilter(int filter, std::uint8_t* x, const std::uint8_t* above, std::size_t size, std::size_t pixel) {
    const auto add = [&](std::size_t i, int prediction) { x[i] = static_cast<std::uint8_t>(x[i] + prediction); };
    switch (filter) {
        case 0:
            return true;
        case 1:
            for (std::size_t i = pixel; i < size; ++i) add(i, x[i - pixel]);
            return true;
        case 2:
            for (std::size_t i = 0; i < size; ++i) add(i, above[i]);
            return true;
        case 3:
            for (std::size_t i = 0; i < pixel; ++i) add(i, above[i] / 2);
            for (std::size_t i = pixel; i < size; ++i) add(i, (x[i - pixel] + above[i]) / 2);
            return true;
        case 4:
            for (std::size_t i = 0; i < pixel; ++i) add(i, above[i]);  // Paeth's prediction from nothing else
            for (std::size_t i = pixel; i < size; ++i) add(i, paeth(x[i - pixel], above[i], above[i - pixel]));
            return true;
        default:
            return false;
    }
}

// Pillow's RGB to grey: ITU-R 601 luma in 16-bit fixed point, rounded.
std::uint8_t luma(const std::uint8_t* p) {
    return static_cast<std::uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

}  // namespace

std::uint32_t crc32(const std::uint8_t* data, std::size_t size) {
    static const CrcTables tables = make_crc_tables();
    std::uint32_t crc = ~std::uint32_t{0};
    for (; size >= 8; size -= 8, data += 8) {
        const std::uint32_t first = crc ^ (data[0] | data[1] << 8 | data[2] << 16 | std::uint32_t{data[3]} << 24);
        crc = tables[7][first & 0xff] ^ tables[6][first >> 8 & 0xff] ^ tables[5][first >> 16 & 0xff] ^
              tables[4][first >> 24] ^ tables[3][data[4]] ^ tables[2][data[5]] ^ tables[1][data[6]] ^
              tables[0][data[7]];
    }
    for (; size > 0; --size) crc = crc >> 8 ^ tables[0][(crc ^ *data++) & 0xff];
    return ~crc;
}

bool png_size(const std::uint8_t* file, std::size_t size, std::int64_t& height, std::int64_t& width) {
    if (size < sizeof signature + 8 + 13 || std::memcmp(file, signature, sizeof signature) != 0) return false;
    if (big_endian(file + 8) != 13 || big_endian(file + 12) != name("IHDR")) return false;
    width = big_endian(file + 16);
    height = big_endian(file + 20);
    return true;
}

// What the chunks of a file say. Each add() is false for what is unusual or unsound.
struct PngDecoder::Chunks {
    explicit Chunks(std::vector<std::uint8_t>& buffer) : joined(buffer) {}

    std::vector<std::uint8_t>& joined;
    std::int64_t height = 0, width = 0;
    std::uint8_t colour = 0;
    const std::uint8_t *colours = nullptr, *data = nullptr;
    std::size_t colours_size = 0, data_size = 0;
    int data_chunks = 0;
    std::uint32_t before = 0;  // the chunk before this one

    std::size_t pixel_bytes() const { return colour == rgb ? 3 : 1; }
    std::size_t row_bytes() const { return 1 + pixel_bytes() * static_cast<std::size_t>(width); }

    bool add(std::uint32_t chunk, const std::uint8_t* content, std::size_t size) {
        if (before == 0 && chunk != name("IHDR")) return false;
        const bool sound = chunk == name("IHDR")   ? add_header(content, size)
                           : chunk == name("PLTE") ? add_palette(content, size)
                           : chunk == name("IDAT") ? add_data(content, size)
                           : chunk == name("IEND") ? size == 0
                           : chunk == name("tRNS")
                               ? colours && data_chunks == 0 && size <= colours_size  // convert() drops it
                               : is_harmless(chunk, size);
        before = chunk;
        return sound;
    }

    bool add_header(const std::uint8_t* content, std::size_t size) {
        if (before != 0 || size != 13) return false;
        width = big_endian(content);
        height = big_endian(content + 4);
        colour = content[9];
        const bool known = colour == grey || colour == rgb || colour == palette;
        // 8 bits; compression, filter method and interlace all 0.
        return known && width > 0 && height > 0 && content[8] == 8 && content[10] == 0 && content[11] == 0 &&
               content[12] == 0;
    }

    bool add_palette(const std::uint8_t* content, std::size_t size) {
        if (colour != palette || colours || data_chunks > 0 || size == 0 || size > 768 || size % 3 != 0) return false;
        colours = content;
        colours_size = size / 3;
        return true;
    }

    bool add_data(const std::uint8_t* content, std::size_t size) {
        if (++data_chunks == 1) {
            data = content;
            data_size = size;
            return true;
        }
        if (before != name("IDAT")) return false;
        if (data_chunks == 2) joined.assign(data, data + data_size);
        joined.insert(joined.end(), content, content + size);
        data = joined.data();
        data_size = joined.size();
        return true;
    }
};

bool PngDecoder::decode(const std::uint8_t* file, std::size_t size, const ImageShape& shape, std::uint8_t* out) {
    Chunks chunks(joined_);
    if (!walk(file, size, chunks) || chunks.height != shape.height || chunks.width != shape.width) return false;
    const std::size_t row_bytes = chunks.row_bytes(), bytes = row_bytes * static_cast<std::size_t>(shape.height);
    // No deflate stream gives more than 1032 bytes for one: a header that claims more is not believed.
    if (bytes / 1032 > chunks.data_size) return false;
    rows_.resize(std::max(rows_.size(), row_bytes + bytes + inflate_slack));
    std::fill_n(rows_.data(), row_bytes, std::uint8_t{0});  // what is above the first row
    if (!inflater_.run(chunks.data, chunks.data_size, rows_.data() + row_bytes, bytes)) return false;
    for (std::int64_t y = 1; y <= shape.height; ++y) {
        std::uint8_t* const row = rows_.data() + y * row_bytes;
        if (!unfilter(row[0], row + 1, row + 1 - row_bytes, row_bytes - 1, chunks.pixel_bytes())) return false;
    }
    if (chunks.colour == palette && !indices_fit(chunks)) return false;
    convert(chunks, shape.channels, out);
    return true;
}

bool PngDecoder::walk(const std::uint8_t* file, std::size_t size, Chunks& chunks) {
    if (size < sizeof signature || std::memcmp(file, signature, sizeof signature) != 0) return false;
    for (std::size_t at = sizeof signature; chunks.before != name("IEND");) {
        if (size - at < chunk_overhead) return false;
        const std::size_t length = big_endian(file + at);
        if (length > size - at - chunk_overhead) return false;
        const std::uint8_t* const content = file + at + 8;
        if (crc32(content - 4, length + 4) != big_endian(content + length)) return false;
        if (!chunks.add(big_endian(content - 4), content, length)) return false;
        at += chunk_overhead + length;
        if (chunks.before == name("IEND") && at != size) return false;
    }
    return chunks.data_chunks > 0 && (chunks.colour == palette) == (chunks.colours != nullptr);
}

bool PngDecoder::indices_fit(const Chunks& chunks) const {
    for (std::int64_t y = 1; y <= chunks.height; ++y) {
        const std::uint8_t* const row = rows_.data() + y * chunks.row_bytes() + 1;
        if (*std::max_element(row, row + chunks.width) >= chunks.colours_size) return false;
    }
    return true;
}

void PngDecoder::convert(const Chunks& chunks, std::int64_t channels, std::uint8_t* out) const {
    const std::int64_t width = chunks.width, plane = chunks.height * width;
    for (std::int64_t y = 1; y <= chunks.height; ++y, out += width) {
        const std::uint8_t* const row = rows_.data() + y * chunks.row_bytes() + 1;
        if (chunks.colour == grey) {
            for (std::int64_t c = 0; c < channels; ++c) std::copy_n(row, width, out + c * plane);
            continue;
        }
        for (std::int64_t x = 0; x < width; ++x) {
            const std::uint8_t* const p = chunks.colour == rgb ? row + 3 * x : chunks.colours + 3 * row[x];
            if (channels == 1) out[x] = luma(p);
            for (std::int64_t c = 0; channels == 3 && c < 3; ++c) out[c * plane + x] = p[c];
        }
    }
}

}  // namespace fastnn
