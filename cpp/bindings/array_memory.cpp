#include "bindings/array_memory.h"

#include <pybind11/numpy.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "core/aligned_buffer.h"

namespace fastnn {

namespace {

// To say where NumPy shall take memory from costs 0.15 us, a tenth of the shortest op on as much; the C library returns
// what it has from 128 KB on.
constexpr std::int64_t smallest_kept = 32 << 10;

// Three times the 40 MB that a step of 6,000 samples through 784-200-200-200-10 gives back.
constexpr std::size_t most_kept = 120 << 20;

// -- NumPy's side: numpy/ndarraytypes.h and the numbers of its table of functions, since 1.22 -------------------------

struct Allocator {
    void* context;
    void* (*malloc)(void*, std::size_t);
    void* (*calloc)(void*, std::size_t, std::size_t);
    void* (*realloc)(void*, void*, std::size_t);
    void (*free)(void*, void*, std::size_t);
};

struct Handler {
    char name[127];
    std::uint8_t version;
    Allocator allocator;
};

constexpr const char* handler_name = "mem_handler";  // of the capsules that hold one

void* numpy_entry(int number) {
    const py::capsule table = py::detail::import_numpy_core_submodule("multiarray").attr("_ARRAY_API");
    return table.get_pointer<void*>()[number];
}

// The allocator of PyDataMem_DefaultHandler.
const Allocator& numpys_own() {
    static const Handler* const own = [] {
        PyObject* const capsule = *static_cast<PyObject**>(numpy_entry(306));
        return static_cast<const Handler*>(PyCapsule_GetPointer(capsule, handler_name));
    }();
    return own->allocator;
}

// PyDataMem_SetHandler: sets this thread's handler, returns the one before; null with Python's error set.
PyObject* set_handler(PyObject* capsule) {
    static const auto set = reinterpret_cast<PyObject* (*)(PyObject*)>(numpy_entry(304));
    return set(capsule);
}

// -- blocks -----------------------------------------------------------------------------------------------------------

// Stands in the cache line before the data, which begins at one.
struct Block {
    void* data = nullptr;
    std::size_t bytes = 0;
    void* start = nullptr;  // as NumPy's own allocator gave it, to whom it goes back
};

std::size_t with_lines(std::size_t bytes) { return bytes + 2 * cache_line; }

// Empty where there is no memory.
Block new_block(std::size_t bytes) {
    if (with_lines(bytes) < bytes) return {};
    void* const start = numpys_own().malloc(numpys_own().context, with_lines(bytes));
    if (start == nullptr) return {};
    const std::uintptr_t line = reinterpret_cast<std::uintptr_t>(start) / cache_line + 2;
    const Block block{reinterpret_cast<void*>(line * cache_line), bytes, start};
    std::memcpy(static_cast<char*>(block.data) - cache_line, &block, sizeof block);
    return block;
}

Block block_of(const void* data) {
    Block block;
    std::memcpy(&block, static_cast<const char*>(data) - cache_line, sizeof block);
    return block;
}

void delete_block(const Block& block) { numpys_own().free(numpys_own().context, block.start, with_lines(block.bytes)); }

// Blocks that no array has, the one given back last at the end: it is most likely still in the caches. NumPy allocates
// and frees with the GIL held, which is the lock: nobody else is inside when a thread forks.
class KeptBlocks {
public:
    // Null where there is no memory.
    void* take(std::size_t bytes) {
        ++counters_.taken;
        for (std::size_t i = count_; i-- > 0;) {
            if (!fits(blocks_[i].bytes, bytes)) continue;
            ++counters_.reused;
            return remove(i).data;
        }
        Block fresh = new_block(bytes);
        if (fresh.data == nullptr) {
            while (count_ > 0) delete_block(remove(0));
            fresh = new_block(bytes);
        }
        return fresh.data;
    }

    void give_back(void* data) {
        const Block block = block_of(data);
        if (block.bytes > most_kept) return delete_block(block);
        while (count_ == blocks_.size() || kept() + block.bytes > most_kept) delete_block(remove(0));
        blocks_[count_++] = block;
        counters_.kept += static_cast<std::int64_t>(block.bytes);
    }

    const ArrayMemoryCounters& counters() const { return counters_; }

private:
    // A block may be used for a bit less than it holds.
    static bool fits(std::size_t has, std::size_t bytes) { return has >= bytes && has - bytes <= bytes / 4; }

    std::size_t kept() const { return static_cast<std::size_t>(counters_.kept); }

    Block remove(std::size_t i) {
        const Block block = blocks_[i];
        std::copy(blocks_.begin() + i + 1, blocks_.begin() + count_, blocks_.begin() + i);
        --count_;
        counters_.kept -= static_cast<std::int64_t>(block.bytes);
        return block;
    }

    std::array<Block, 256> blocks_{};  // to look at all of them takes less than to clear a page
    std::size_t count_ = 0;
    ArrayMemoryCounters counters_{};
};

KeptBlocks kept_blocks;  // never destroyed: arrays may die after it would be

// -- NumPy's handler that takes from them -----------------------------------------------------------------------------

void* take_block(void*, std::size_t bytes) { return kept_blocks.take(bytes); }

void* take_zeros(void*, std::size_t count, std::size_t size) {
    const std::size_t bytes = count * size;
    if (size != 0 && bytes / size != count) return nullptr;
    void* const data = kept_blocks.take(bytes);
    if (data != nullptr) std::memset(data, 0, bytes);
    return data;
}

void give_back(void*, void* data, std::size_t) {
    if (data != nullptr) kept_blocks.give_back(data);
}

// An array's resize().
void* resize_block(void*, void* data, std::size_t bytes) {
    void* const fresh = kept_blocks.take(bytes);
    if (fresh == nullptr || data == nullptr) return fresh;
    std::memcpy(fresh, data, std::min(bytes, block_of(data).bytes));
    kept_blocks.give_back(data);
    return fresh;
}

Handler handler{"fastnn", 1, {nullptr, take_block, take_zeros, resize_block, give_back}};

}  // namespace

ArrayMemory::ArrayMemory(std::int64_t bytes) {
    if (bytes < smallest_kept) return;
    static PyObject* const ours = py::capsule(&handler, handler_name).release().ptr();
    before_ = py::reinterpret_steal<py::object>(set_handler(ours));
    if (!before_) throw py::error_already_set();
}

ArrayMemory::~ArrayMemory() {
    if (!before_) return;
    const py::error_scope raised;  // of an array for which there is no memory
    Py_XDECREF(set_handler(before_.ptr()));
}

ArrayMemoryCounters array_memory_counters() { return kept_blocks.counters(); }

}  // namespace fastnn
