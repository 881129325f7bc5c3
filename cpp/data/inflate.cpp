#include "data/inflate.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace fastnn {

namespace {

using Entry = InflateEntry;

constexpr int longest_code = 15, literals = 256, order_root = 7;

// Entry::kind: a literal; the end of the block; a base with this many extra bits; the bits that index a second table.
constexpr std::uint8_t invalid = 0, literal = 0x10, end_of_block = 0x20, base = 0x40, second = 0x80, number = 0x0f;

// What a symbol of an alphabet means.
struct Meaning {
    std::uint16_t value;
    std::uint8_t kind;
};

template <int bases>
constexpr Meaning based(const std::uint16_t (&values)[bases], const std::uint8_t (&extra)[bases], int i) {
    return i < bases ? Meaning{values[i], static_cast<std::uint8_t>(base | extra[i])} : Meaning{0, invalid};
}

constexpr int alphabet = 288;

constexpr std::array<Meaning, alphabet> make_plain() {
    std::array<Meaning, alphabet> meanings{};
    for (int i = 0; i < alphabet; ++i) meanings[i] = {static_cast<std::uint16_t>(i), literal};
    return meanings;
}

constexpr std::array<Meaning, alphabet> make_lengths() {
    constexpr std::uint16_t values[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                        31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    constexpr std::uint8_t extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    std::array<Meaning, alphabet> meanings = make_plain();
    meanings[literals] = {0, end_of_block};
    for (int i = literals + 1; i < alphabet; ++i) meanings[i] = based(values, extra, i - literals - 1);
    return meanings;
}

constexpr std::array<Meaning, alphabet> make_distances() {
    constexpr std::uint16_t values[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                        33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                        1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    constexpr std::uint8_t extra[] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                      6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
    std::array<Meaning, alphabet> meanings{};
    for (int i = 0; i < alphabet; ++i) meanings[i] = based(values, extra, i);
    return meanings;
}

constexpr std::array<Meaning, alphabet> plain = make_plain(), by_length = make_lengths(),
                                        by_distance = make_distances();

// The order in which a block names the lengths of the codes for lengths.
constexpr std::uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

std::uint64_t little_endian(const std::uint8_t* p) {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= std::uint64_t{p[i]} << 8 * i;  // one load, as compilers see
    return value;
}

std::uint64_t low(std::uint64_t bits, int count) { return bits & ((std::uint64_t{1} << count) - 1); }

// How many bits index a second table that begins with a code of n bits: as many as make it complete with the codes
// that are left, so many of each length.
int bits_of_second(const int* left, int n, int root, int longest) {
    int bits = n - root;
    for (int rest = (1 << bits) - left[n]; rest > 0 && bits + root < longest; rest = 2 * rest - left[bits + root])
        ++bits;
    return bits;
}

// The code of n bits after this one. The first bit of a code is its lowest here, as the stream has it.
std::uint32_t next_code(std::uint32_t code, int n) {
    std::uint32_t carry = 1u << (n - 1);
    while (code & carry) carry >>= 1;
    return carry != 0 ? (code & (carry - 1)) + carry : 0;
}

// Copies from so far back; up to inflate_slack bytes more are overwritten.
inline void repeat(std::uint8_t* to, std::size_t length, std::size_t distance) {
    const std::uint8_t* from = to - distance;
    std::uint8_t* const end = to + length;
    if (distance == 1) {
        std::memset(to, *from, length);
    } else if (distance < 8) {
        while (to < end) *to++ = *from++;
    } else {
        for (; to < end; to += 8, from += 8) std::memcpy(to, from, 8);
    }
}

// The tables of a canonical code (RFC 1951, 3.2.2). False for lengths that are no prefix code, or leave codes unused:
// a single code of one bit is the exception, as is none at all, which fails when it is used.
//
// The tables are like zlib's, a first one of 2^root entries, behind it those for longer codes. `entries` is the most
// that are needed, by zlib's program "enough": for any complete code of 286 (30) symbols of at most 15 bits behind a
// root of 9 (6) bits 852 (592).
bool build(const std::uint8_t* lengths, int count, const Meaning* meanings, int root, Entry* table, int entries) {
    int of_length[longest_code + 1] = {}, place[longest_code + 2] = {};
    for (int i = 0; i < count; ++i) ++of_length[lengths[i]];
    int longest = longest_code, unused = 1;
    while (longest > 0 && of_length[longest] == 0) --longest;
    for (int n = 1; n <= longest_code; ++n) {
        unused = 2 * unused - of_length[n];
        if (unused < 0) return false;
        place[n + 1] = place[n] + of_length[n];
    }
    const bool code_of_lengths = root == order_root;
    if (longest > 0 && unused > 0 && (code_of_lengths || longest != 1)) return false;
    if (unused > 0) std::fill_n(table, 1 << root, Entry{0, invalid, 0});

    std::uint16_t sorted[alphabet];
    for (int i = 0; i < count; ++i) {
        if (lengths[i] != 0) sorted[place[lengths[i]]++] = static_cast<std::uint16_t>(i);
    }
    const int codes = place[longest];  // now where the longest ones end
    int used = 1 << root, second_bits = 0;
    std::uint64_t part = ~std::uint64_t{0};  // the first bits of the codes in the second table last begun
    std::uint32_t code = 0;
    for (int i = 0; i < codes; ++i) {
        const int n = lengths[sorted[i]];
        if (n > root && low(code, root) != part) {
            part = low(code, root);
            second_bits = bits_of_second(of_length, n, root, longest);
            table[part] = {static_cast<std::uint16_t>(used), static_cast<std::uint8_t>(second | second_bits),
                           static_cast<std::uint8_t>(root)};
            used += 1 << second_bits;
            if (used > entries) return false;
        }
        const bool direct = n <= root;
        Entry* const at = direct ? table : table + used - (1 << second_bits);
        const int bits = direct ? n : n - root, all = direct ? root : second_bits;
        const Meaning& meaning = meanings[sorted[i]];
        const Entry entry{meaning.value, meaning.kind, static_cast<std::uint8_t>(bits)};
        for (std::uint32_t j = direct ? code : code >> root; j < 1u << all; j += 1u << bits) at[j] = entry;
        --of_length[n];
        code = next_code(code, n);
    }
    return true;
}

inline Entry find(const Entry* table, int root, std::uint64_t bits) {
    Entry entry = table[low(bits, root)];
    if (entry.kind & second) {
        entry = table[entry.value + low(bits >> root, entry.kind & number)];
        entry.bits = static_cast<std::uint8_t>(entry.bits + root);
    }
    return entry;
}

}  // namespace

// Block type 1 (RFC 1951, 3.2.6).
const Inflater::Tables& Inflater::fixed_tables() {
    static const Tables tables = [] {
        std::uint8_t lengths[alphabet], distances[32];
        for (int i = 0; i < alphabet; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
        std::fill_n(distances, 32, std::uint8_t{5});
        Tables built;
        build(lengths, alphabet, by_length.data(), length_root, built.lengths, length_entries);
        build(distances, 32, by_distance.data(), distance_root, built.distances, distance_entries);
        return built;
    }();
    return tables;
}

inline void InflateBits::refill() {
    if (end - in >= 8) {
        bits |= little_endian(in) << count;
        in += (63 - count) >> 3;
        count |= 56;
        return;
    }
    for (; count <= 56; count += 8) {
        if (in < end) {
            bits |= std::uint64_t{*in++} << count;
        } else {
            ++imagined;
        }
    }
}

inline std::uint32_t InflateBits::take(int n) {
    const auto value = static_cast<std::uint32_t>(low(bits, n));
    bits >>= n;
    count -= n;
    return value;
}

bool InflateBits::to_byte() {
    const std::size_t whole = static_cast<std::size_t>(count / 8);
    if (imagined > whole) return false;
    in -= whole - imagined;
    bits = 0;
    count = 0;
    imagined = 0;
    return true;
}

bool Inflater::run(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size) {
    // Deflate with a window of at most 32 KiB, no preset dictionary; the header is a multiple of 31.
    if (in_size < 6 || (in[0] & 0x0f) != 8 || in[0] >> 4 > 7 || (in[1] & 0x20) || (in[0] << 8 | in[1]) % 31)
        return false;
    if (!blocks(in + 2, in_size - 2, out, out_size, 4)) return false;
    const std::uint8_t* const sum = bits_.in;
    return adler32(out, out_size) == (std::uint32_t{sum[0]} << 24 | sum[1] << 16 | sum[2] << 8 | sum[3]);
}

bool Inflater::run_blocks(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size) {
    return blocks(in, in_size, out, out_size, 0);
}

// All blocks, with so many bytes behind them, where bits_ then is.
bool Inflater::blocks(const std::uint8_t* in, std::size_t in_size, std::uint8_t* out, std::size_t out_size,
                      std::size_t behind) {
    bits_ = {in, in + in_size, 0, 0, 0};
    out_ = out_begin_ = out;
    out_end_ = out + out_size;
    for (bool final = false; !final;) {
        if (!block(final)) return false;
    }
    return bits_.to_byte() && out_ == out_end_ && static_cast<std::size_t>(bits_.end - bits_.in) == behind;
}

bool Inflater::block(bool& final) {
    bits_.refill();
    final = bits_.take(1) != 0;
    switch (bits_.take(2)) {
        case 0:
            return stored();
        case 1:
            return codes(fixed_tables());
        case 2:
            return dynamic();
        default:
            return false;
    }
}

bool Inflater::stored() {
    if (!bits_.to_byte() || bits_.end - bits_.in < 4) return false;
    const std::uint8_t*& in = bits_.in;
    const std::size_t size = in[0] | in[1] << 8, complement = in[2] | in[3] << 8;
    in += 4;
    if (size != (complement ^ 0xffff) || size > static_cast<std::size_t>(bits_.end - in) ||
        size > static_cast<std::size_t>(out_end_ - out_)) {
        return false;
    }
    std::memcpy(out_, in, size);
    in += size;
    out_ += size;
    return true;
}

bool Inflater::dynamic() {
    bits_.refill();
    const int length_count = static_cast<int>(bits_.take(5)) + 257,
              distance_count = static_cast<int>(bits_.take(5)) + 1;
    const int order_count = static_cast<int>(bits_.take(4)) + 4;
    if (length_count > 286 || distance_count > 30) return false;
    std::uint8_t of_order[19] = {};
    for (int i = 0; i < order_count; ++i) {
        bits_.refill();
        of_order[order[i]] = static_cast<std::uint8_t>(bits_.take(3));
    }
    Entry names[1 << order_root];
    if (!build(of_order, 19, plain.data(), order_root, names, 1 << order_root)) return false;

    std::uint8_t lengths[286 + 30];
    const int count = length_count + distance_count;
    for (int i = 0; i < count;) {
        bits_.refill();
        const Entry name = find(names, order_root, bits_.bits);
        if (name.kind == invalid) return false;
        bits_.take(name.bits);
        if (name.value < 16) {
            lengths[i++] = static_cast<std::uint8_t>(name.value);
            continue;
        }
        if (name.value == 16 && i == 0) return false;
        const std::uint8_t repeated = name.value == 16 ? lengths[i - 1] : std::uint8_t{0};
        const int times = static_cast<int>(name.value == 16   ? 3 + bits_.take(2)
                                           : name.value == 17 ? 3 + bits_.take(3)
                                                              : 11 + bits_.take(7));
        if (times > count - i) return false;
        std::fill_n(lengths + i, times, repeated);
        i += times;
    }
    return build(lengths, length_count, by_length.data(), length_root, tables_.lengths, length_entries) &&
           build(lengths + length_count, distance_count, by_distance.data(), distance_root, tables_.distances,
                 distance_entries) &&
           codes(tables_);
}

// The literals and matches of a block. One refill is enough for each: 15 + 5 bits of a length, 15 + 13 of a distance.
bool Inflater::codes(const Tables& tables) {
    InflateBits bits = bits_;  // in registers: out may alias everything
    std::uint8_t* out = out_;
    std::uint8_t *const begin = out_begin_, *const end = out_end_;
    for (;;) {
        bits.refill();
        const Entry length = find(tables.lengths, length_root, bits.bits);
        bits.take(length.bits);
        if (length.kind == literal) {
            if (out == end) return false;
            *out++ = static_cast<std::uint8_t>(length.value);
            continue;
        }
        if (!(length.kind & base)) {
            bits_ = bits;
            out_ = out;
            return length.kind == end_of_block;
        }
        const std::size_t bytes = length.value + bits.take(length.kind & number);
        const Entry distance = find(tables.distances, distance_root, bits.bits);
        bits.take(distance.bits);
        const std::size_t back = distance.value + bits.take(distance.kind & number);
        const auto before = static_cast<std::size_t>(out - begin), after = static_cast<std::size_t>(end - out);
        if (!(distance.kind & base) || back > before || bytes > after) return false;
        repeat(out, bytes, back);
        out += bytes;
    }
}

std::uint32_t adler32(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most_summed = 5552;  // bytes for which the sums stay under 2^32, as zlib derives
    std::uint32_t a = 1, b = 0;
    while (size > 0) {
        const std::size_t part = std::min(size, most_summed);
        for (std::size_t i = 0; i < part; ++i) {
            a += data[i];
            b += a;
        }
        a %= 65521;
        b %= 65521;
        data += part;
        size -= part;
    }
    return b << 16 | a;
}

}  // namespace fastnn
