// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/types.hpp"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace flyball::kernel {

namespace {

constexpr std::uint32_t kNoSuchType = 0;

// Bytes after a btf_type; nullopt: an unknown kind, whose length nobody can tell.
std::optional<std::size_t> rest_of(const btf_type& type)
{
    const std::size_t n = btf_vlen(&type);
    switch (btf_kind(&type)) {
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case BTF_KIND_TYPE_TAG:
        return 0;
    case BTF_KIND_INT:
        return sizeof(std::uint32_t);
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return n * sizeof(btf_member);
    case BTF_KIND_ENUM:
        return n * sizeof(struct btf_enum);
    case BTF_KIND_ENUM64:
        return n * sizeof(struct btf_enum64);
    case BTF_KIND_FUNC_PROTO:
        return n * sizeof(btf_param);
    case BTF_KIND_VAR:
        return sizeof(struct btf_var);
    case BTF_KIND_DATASEC:
        return n * sizeof(btf_var_secinfo);
    case BTF_KIND_DECL_TAG:
        return sizeof(struct btf_decl_tag);
    default:
        return std::nullopt;
    }
}

// What a program can ask for by name.
bool is_asked_for(std::uint32_t kind)
{
    switch (kind) {
    case BTF_KIND_INT:
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
    case BTF_KIND_TYPEDEF:
        return true;
    default:
        return false;
    }
}

// Writes some of the types, with new ids.
class Selection {
public:
    explicit Selection(const Types& types) : types_(types) {}

    // The new id of a type: it is written once all is chosen.
    std::uint32_t take(std::uint32_t id)
    {
        const btf_type* type = types_.type(id);
        if (type == nullptr)
            return kNoSuchType;
        const auto [at, is_new] = ids_.try_emplace(id, static_cast<std::uint32_t>(order_.size() + 1));
        if (is_new)
            order_.push_back(id);
        return at->second;
    }

    std::vector<std::byte> write()
    {
        std::vector<std::byte> bodies;
        // Writing a type takes those that it holds, which come after it.
        for (std::size_t i = 0; i < order_.size(); ++i)
            write_type(*types_.type(order_[i]), bodies);
        btf_header header{};
        header.magic = BTF_MAGIC;
        header.version = BTF_VERSION;
        header.hdr_len = sizeof header;
        header.type_len = static_cast<__u32>(bodies.size());
        header.str_off = header.type_len;
        header.str_len = static_cast<__u32>(text_.size());
        std::vector<std::byte> out(sizeof header + bodies.size() + text_.size());
        std::memcpy(out.data(), &header, sizeof header);
        std::ranges::copy(bodies, out.begin() + sizeof header);
        std::memcpy(out.data() + sizeof header + bodies.size(), text_.data(), text_.size());
        return out;
    }

private:
    std::uint32_t name(std::uint32_t offset)
    {
        const std::string_view text = types_.text(offset);
        if (text.empty())
            return 0;
        const auto [at, is_new] = names_.try_emplace(text, static_cast<std::uint32_t>(text_.size()));
        if (is_new)
            text_.append(text).push_back('\0');
        return at->second;
    }

    // Members, values or parameters: each begins with its name, and some have a type.
    template <typename Part>
    void write_parts(const btf_type& type, std::vector<std::byte>& out, auto&& renew)
    {
        const auto* parts = reinterpret_cast<const Part*>(&type + 1);
        for (std::size_t i = 0; i < btf_vlen(&type); ++i) {
            Part part = parts[i];
            renew(part);
            append(part, out);
        }
    }

    template <typename Plain>
    static void append(const Plain& plain, std::vector<std::byte>& out)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(&plain);
        out.insert(out.end(), bytes, bytes + sizeof plain);
    }

    void write_type(const btf_type& type, std::vector<std::byte>& out)
    {
        const auto named = [this](auto& part) { part.name_off = name(part.name_off); };
        const auto typed = [this, &named](auto& part) {
            named(part);
            part.type = take(part.type);
        };
        btf_type head = type;
        named(head);
        switch (btf_kind(&type)) {
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            append(head, out);
            write_parts<btf_member>(type, out, typed);
            return;
        case BTF_KIND_ENUM:
            append(head, out);
            write_parts<struct btf_enum>(type, out, named);
            return;
        case BTF_KIND_ENUM64:
            append(head, out);
            write_parts<struct btf_enum64>(type, out, named);
            return;
        case BTF_KIND_ARRAY: {
            append(head, out);
            struct btf_array array = *btf_array(&type);
            array.type = take(array.type);
            array.index_type = take(array.index_type);
            append(array, out);
            return;
        }
        case BTF_KIND_INT:
            append(head, out);
            append(*reinterpret_cast<const std::uint32_t*>(&type + 1), out);
            return;
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
            head.type = take(type.type);
            append(head, out);
            return;
        case BTF_KIND_FLOAT:
        case BTF_KIND_FWD:
            append(head, out);
            return;
        default:  // pointers, and what nothing holds
            head = {.name_off = 0, .info = BTF_KIND_PTR << 24, .type = kNoSuchType};
            append(head, out);
            return;
        }
    }

    const Types& types_;
    std::unordered_map<std::uint32_t, std::uint32_t> ids_;  // old -> new
    std::vector<std::uint32_t> order_;                      // old ids
    std::unordered_map<std::string_view, std::uint32_t> names_;
    std::string text_{'\0'};
};

}  // namespace

std::string_view essential_name(std::string_view name)
{
    const auto at = name.find("___");
    return at == std::string_view::npos || at == 0 ? name : name.substr(0, at);
}

Result<Types> Types::read(const std::string& path)
{
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd < 0 || ::fstat(fd, &status) != 0) {
        const int error = errno;
        if (fd >= 0)
            ::close(fd);
        return std::unexpected(errno_error(ErrorKind::Unavailable, "reading " + path, error,
                                           "use a kernel built with CONFIG_DEBUG_INFO_BTF=y"));
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
    std::size_t filled = 0;
    ssize_t n = 0;
    while (filled < bytes.size() && (n = ::read(fd, bytes.data() + filled, bytes.size() - filled)) > 0)
        filled += static_cast<std::size_t>(n);
    const int error = n < 0 ? errno : 0;
    ::close(fd);
    if (error != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "reading " + path, error));
    bytes.resize(filled);
    auto types = parse(std::move(bytes));
    if (!types)
        return fail(types.error().kind, path + ": " + types.error().what);
    return types;
}

Result<Types> Types::parse(std::vector<std::byte> bytes)
{
    const auto broken = [](const char* what) { return fail(ErrorKind::Unavailable, what); };
    btf_header header{};
    if (bytes.size() < sizeof header)
        return broken("it is too short for BTF");
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::uint64_t types = std::uint64_t{header.hdr_len} + header.type_off, types_end = types + header.type_len,
                        text = std::uint64_t{header.hdr_len} + header.str_off, text_end = text + header.str_len;
    if (header.magic != BTF_MAGIC || types_end > bytes.size() || text_end > bytes.size() || types % 4 != 0)
        return broken("it is no BTF of this machine");
    if (header.str_len == 0 || bytes[text_end - 1] != std::byte{0})
        return broken("its names have no end");
    Types parsed;
    parsed.at_.reserve(types_end / 24);
    for (std::uint64_t at = types; at < types_end;) {
        if (types_end - at < sizeof(btf_type))
            return broken("its last type is cut off");
        const auto& type = *reinterpret_cast<const btf_type*>(bytes.data() + at);
        const auto rest = rest_of(type);
        if (!rest)
            return broken("it has types of an unknown kind");
        if (types_end - at < sizeof(btf_type) + *rest)
            return broken("its last type is cut off");
        parsed.at_.push_back(static_cast<std::uint32_t>(at));
        at += sizeof(btf_type) + *rest;
    }
    parsed.text_ = text;
    parsed.text_bytes_ = header.str_len;
    parsed.bytes_ = std::move(bytes);
    return parsed;
}

const btf_type* Types::type(std::uint32_t id) const
{
    if (id == 0 || id >= at_.size())
        return nullptr;
    return reinterpret_cast<const btf_type*>(bytes_.data() + at_[id]);
}

std::string_view Types::text(std::uint32_t offset) const
{
    return offset < text_bytes_ ? reinterpret_cast<const char*>(bytes_.data() + text_ + offset) : "";
}

std::vector<std::byte> Types::only(const std::set<std::string, std::less<>>& names) const
{
    const std::unordered_set<std::string_view> wanted(names.begin(), names.end());
    Selection selection(*this);
    for (std::uint32_t id = 1; id < count(); ++id) {
        const btf_type& named = *type(id);
        if (named.name_off != 0 && is_asked_for(btf_kind(&named)) &&
            wanted.contains(essential_name(text(named.name_off))))
            selection.take(id);
    }
    return selection.write();
}

}  // namespace flyball::kernel
