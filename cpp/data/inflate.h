// zlib streams (RFC 1950) of deflate blocks (RFC 1951), or such blocks alone, decompressed into a buffer whose size is
// known beforehand.
//
// Accepts what zlib accepts and nothing else. Whatever the input is, nothing outside the buffers is read or written,
// nothing is allocated, and the time is bounded by the sizes of both.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastnn {

// Matches are copied by words of 8 bytes, the last of which may end this far behind the output.
constexpr std::size_t inflate_slack = 8;

// What the next bits mean: `bits` of them are used up; `kind` (see inflate.cpp) says whether value is a literal, the
// base of a length or distance, or where a second table begins.
struct InflateEntry {
    std::uint16_t value;
    std::uint8_t kind, bits;
};

// The bits of a stream, the first one lowest; behind its end there are imagined zeros.
struct InflateBits {
    const std::uint8_t *in, *end;
    std::uint64_t bits;
    int count;             // of bits that are there
    std::size_t imagined;  // bytes among them

    void refill();  // at least 56
    std::uint32_t take(int n);
    bool to_byte();  // goes on at the next whole byte; false where that lies behind the end
};

class Inflater {
public:
    // Decompresses in[0, in_size) to exactly out_size bytes; out has inflate_slack bytes more, which may change.
    // False where the stream is damaged, gives another number of bytes, or is followed by anything.
    bool run(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size);

    // The same of the blocks alone, without zlib's header and sum.
    bool run_blocks(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size);

private:
    static constexpr int length_root = 9, distance_root = 6, length_entries = 852, distance_entries = 592;

    struct Tables {
        InflateEntry lengths[length_entries], distances[distance_entries];
    };

    bool blocks(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size,
                std::size_t behind);
    static const Tables& fixed_tables();
    bool block(bool& final);
    bool stored();
    bool dynamic();
    bool codes(const Tables& tables);

    Tables tables_;  // of the block
    InflateBits bits_;
    std::uint8_t *out_, *out_begin_, *out_end_;
};

// Adler-32 (RFC 1950).
std::uint32_t adler32(const std::uint8_t* data, std::size_t size);

}  // namespace fastnn
