// Python's view of data/folder.h, data/image_files.h and data/inflate.h.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "data/folder.h"
#include "data/image_files.h"

namespace py = pybind11;

namespace fastnn {
namespace {

// The paths as the system has them. They live as long as this object.
class Paths {
public:
    explicit Paths(const py::sequence& paths) {
        for (const py::handle path : paths) {
            PyObject* bytes = nullptr;
            if (!PyUnicode_FSConverter(path.ptr(), &bytes)) throw py::error_already_set();
            bytes_.push_back(py::reinterpret_steal<py::bytes>(bytes));
            pointers_.push_back(PyBytes_AS_STRING(bytes));
        }
    }
    std::size_t size() const { return pointers_.size(); }
    const char* operator[](std::size_t i) const { return pointers_[i]; }

private:
    std::vector<py::bytes> bytes_;
    std::vector<const char*> pointers_;
};

py::array_t<bool> read_images(const py::sequence& names, const py::array& out) {
    const char* const op = "read_images";
    if (!out.dtype().is(py::dtype::of<std::uint8_t>()) || out.ndim() != 4 || !(out.flags() & py::array::c_style)) {
        fail_type(op, "out must be contiguous uint8 (N, C, H, W), got ", py::str(out.dtype()).cast<std::string>(),
                  " of ", out.ndim(), " dimensions");
    }
    const Paths paths(names);
    const ImageShape shape{out.shape(1), out.shape(2), out.shape(3)};
    if (out.shape(0) != static_cast<py::ssize_t>(paths.size())) {
        fail(op, "out has ", out.shape(0), " images for ", paths.size(), " paths");
    }
    if (shape.channels != 1 && shape.channels != 3)
        fail(op, "out has ", shape.channels, " channels; it must have 1 or 3");
    auto* const pixels = static_cast<std::uint8_t*>(const_cast<py::array&>(out).mutable_data());
    py::array_t<bool> done(static_cast<py::ssize_t>(paths.size()));
    bool* const flags = done.mutable_data();
    {
        const py::gil_scoped_release release;
        ImageReader reader;
        for (std::size_t i = 0; i < paths.size(); ++i) {
            flags[i] = reader.read(paths[i], shape, pixels + static_cast<std::int64_t>(i) * shape.size());
        }
    }
    return done;
}

py::object png_file_size(const py::object& name) {
    const Paths paths(py::make_tuple(name));
    std::int64_t height = 0, width = 0;
    ImageReader reader;
    if (!reader.size(paths[0], height, width)) return py::none();
    return py::make_tuple(height, width);
}

// None where the folder is not plain.
py::object list_folder_of(const py::object& name, const std::vector<std::string>& extensions, bool stamped) {
    const Paths paths(py::make_tuple(name));
    Listing listing;
    {
        const py::gil_scoped_release release;
        listing = list_folder(paths[0], extensions, stamped);
    }
    if (!listing.plain) return py::none();
    py::array_t<std::int64_t> stamps({listing.stamps.size() / stamps_a_file, stamps_a_file});
    std::copy(listing.stamps.begin(), listing.stamps.end(), stamps.mutable_data());
    return py::make_tuple(listing.files, stamps, listing.folders);
}

py::bytes inflate(const std::string& data, std::int64_t size) {
    constexpr std::int64_t most = std::int64_t{1} << 31;
    if (size < 0 || size > most) fail("inflate", "size is ", size, "; it must be from 0 to ", most);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(size) + inflate_slack);
    Inflater inflater;
    const auto* const in = reinterpret_cast<const std::uint8_t*>(data.data());
    if (!inflater.run(in, data.size(), out.data(), static_cast<std::size_t>(size))) {
        fail("inflate", "not a zlib stream of ", size, " bytes: damaged, or of another length");
    }
    return {reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(size)};
}

bool inflate_blocks(const py::buffer& data, const py::array& out) {
    const py::buffer_info in = data.request();
    const auto size = static_cast<std::size_t>(out.size());
    if (in.ndim != 1 || in.itemsize != 1 || !PyBuffer_IsContiguous(in.view(), 'C'))
        fail_type("inflate", "data must be contiguous bytes");
    if (!out.dtype().is(py::dtype::of<std::uint8_t>()) || out.ndim() != 1 || !(out.flags() & py::array::c_style))
        fail_type("inflate", "out must be contiguous uint8 (N,)");
    if (size < inflate_slack) fail("inflate", "out has ", size, " bytes; it needs ", inflate_slack, " to spare");
    auto* const bytes = static_cast<std::uint8_t*>(const_cast<py::array&>(out).mutable_data());
    const py::gil_scoped_release release;
    return Inflater().run_blocks(static_cast<const std::uint8_t*>(in.ptr), static_cast<std::size_t>(in.size), bytes,
                                 size - inflate_slack);
}

}  // namespace

void bind_images(py::module_& module) {
    def(module, "read_images", "paths, out", read_images,
        "Reads PNG files into out, uint8 (N, C, H, W), in this thread and without the GIL.\n\n"
        "C is 1 (colour becomes grey) or 3. Returns bool (N,): where out was written. It is False, and out as it\n"
        "was, for a file of another size, of another kind (data/png.h says which are read), or that is damaged.\n"
        "Raises TypeError or ValueError for an out that does not fit.");
    def(module, "png_size", "path", png_file_size,
        "(height, width) that a PNG file of at most 1 MiB claims; None for any other file.");
    def(module, "list_folder", "path, extensions, stamped", list_folder_of,
        "(files, stamps, folders) of a folder that holds nothing but regular files and folders with names in\n"
        "ASCII; None for any other. files: names with one of the extensions (lower case, with their dots),\n"
        "sorted; stamps: int64 (N, 3), bytes, and ns when the content and when anything changed, or empty;\n"
        "folders: names.");
    def(module, "inflate_blocks", "data, out", inflate_blocks,
        "Decompresses deflate blocks (RFC 1951) into out, uint8 (N,), all but its last 8 bytes, which may\n"
        "change too. False where they are damaged, give another number of bytes or are followed by more.");
    def(module, "inflate", "data, size", inflate,
        "Decompresses a zlib stream of exactly size bytes (RFC 1950, 1951).\n\n"
        "Raises ValueError where zlib would, and for a stream of another length or with more behind it.");
}

}  // namespace fastnn
