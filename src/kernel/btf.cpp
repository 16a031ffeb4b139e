// SPDX-License-Identifier: Apache-2.0
#include "btf.hpp"

#include "fields.hpp"

#include <bpf/btf.h>

#include <set>
#include <unordered_set>

namespace flyball::kernel {

namespace {

// Type and name under which the kernel's BTF has what a program attaches to.
std::pair<std::uint32_t, std::string> attach_name(const Program& program)
{
    switch (program.kind) {
    case ProgramKind::TpBtf:
        return {BTF_KIND_TYPEDEF, "btf_trace_" + std::string(program.target)};
    case ProgramKind::Iter:
        return {BTF_KIND_FUNC, "bpf_iter_" + std::string(program.target)};
    case ProgramKind::Fentry:
    case ProgramKind::Fexit:
        return {BTF_KIND_FUNC, std::string(program.target)};
    case ProgramKind::RawTp:
        break;
    }
    return {};
}

std::set<std::pair<std::uint32_t, std::string>> wanted_types()
{
    std::set<std::pair<std::uint32_t, std::string>> wanted;
    for (const Program& program : programs())
        wanted.insert(attach_name(program));
    for (const std::string_view field : field_names())
        wanted.emplace(BTF_KIND_STRUCT, std::string(field.substr(0, field.find('.'))));
    for (const CalledFunction& function : kCalledFunctions)
        wanted.emplace(BTF_KIND_FUNC, std::string(function.name));
    for (const std::string_view type : kReadTypes)
        wanted.emplace(BTF_KIND_STRUCT, std::string(type));
    return wanted;
}

}  // namespace

KernelBtf::KernelBtf(const Types& types) : types_(types)
{
    const auto wanted = wanted_types();
    std::unordered_set<std::string_view> names;
    for (const auto& [kind, name] : wanted)
        names.insert(name);
    for (std::uint32_t id = 1; id < types.count(); ++id) {
        const btf_type* type = types.type(id);
        const __u32 kind = btf_kind(type);
        if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_FUNC && kind != BTF_KIND_STRUCT)
            continue;
        const std::string_view name = types.text(type->name_off);
        if (!names.contains(name))
            continue;
        std::pair<std::uint32_t, std::string> key{kind, name};
        if (wanted.contains(key))
            ids_.try_emplace(std::move(key), id);
    }
}

std::optional<std::uint32_t> KernelBtf::find(std::uint32_t kind, std::string_view name) const
{
    const auto found = ids_.find(std::pair<std::uint32_t, std::string>{kind, name});
    if (found == ids_.end())
        return std::nullopt;
    return found->second;
}

std::optional<std::uint32_t> KernelBtf::attach_id(const Program& program) const
{
    const auto [kind, name] = attach_name(program);
    return find(kind, name);
}

std::optional<std::uint32_t> KernelBtf::function_id(std::string_view name) const
{
    return find(BTF_KIND_FUNC, name);
}

std::optional<std::uint32_t> KernelBtf::struct_id(std::string_view name) const
{
    return find(BTF_KIND_STRUCT, name);
}

std::uint32_t KernelBtf::strip(std::uint32_t type) const
{
    for (;;) {
        const btf_type* t = types_.type(type);
        if (t == nullptr || !(btf_is_mod(t) || btf_is_typedef(t)))
            return type;
        type = t->type;
    }
}

std::string KernelBtf::type_text(std::uint32_t type) const
{
    const btf_type* t = types_.type(strip(type));
    if (t == nullptr || btf_is_void(t))
        return "void";
    if (btf_is_ptr(t))
        return type_text(t->type) + " *";
    const std::string name(types_.text(t->name_off));
    return btf_is_struct(t) ? "struct " + name : name;
}

std::string KernelBtf::argument_mismatch(const Program& program) const
{
    const auto id = attach_id(program);
    if (program.argument < 0 || !id)
        return {};
    const btf_type* proto = types_.type(*id);
    // typedef -> pointer -> prototype; function -> prototype
    while (proto != nullptr && !btf_is_func_proto(proto)) {
        if (!btf_is_typedef(proto) && !btf_is_ptr(proto) && !btf_is_func(proto))
            return "its arguments are unknown";
        proto = types_.type(proto->type);
    }
    if (proto == nullptr)
        return "its arguments are unknown";
    // a tracepoint's callback has a first argument of its own
    const int index = program.argument + (program.kind == ProgramKind::TpBtf ? 1 : 0);
    if (index >= btf_vlen(proto))
        return "it has fewer arguments here";
    const std::string is = type_text(btf_params(proto)[index].type);
    const std::string expected = "struct " + std::string(program.type) + " *";
    return is == expected ? std::string{} : "its argument is '" + is + "' here, not '" + expected + "'";
}

bool KernelBtf::has_member(std::uint32_t type, std::string_view member, int depth) const
{
    const btf_type* t = types_.type(strip(type));
    if (t == nullptr || !btf_is_composite(t) || depth == 0)
        return false;
    const btf_member* members = btf_members(t);
    for (int i = 0; i < btf_vlen(t); ++i) {
        const std::string_view name = types_.text(members[i].name_off);
        if (name == member || (name.empty() && has_member(members[i].type, member, depth - 1)))
            return true;
    }
    return false;
}

bool KernelBtf::has_field(std::string_view field) const
{
    const auto dot = field.find('.');
    const auto type = find(BTF_KIND_STRUCT, field.substr(0, dot));
    constexpr int kDepth = 8;  // of anonymous members inside each other: the kernel has 3
    return type && dot != std::string_view::npos && has_member(*type, field.substr(dot + 1), kDepth);
}

}  // namespace flyball::kernel
