// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/types.hpp"
#include "support/catch.hpp"

#include <linux/btf.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

using namespace flyball::kernel;

namespace {

// BTF in the making.
class Btf {
public:
    std::uint32_t name(const std::string& text)
    {
        const auto at = static_cast<std::uint32_t>(names_.size());
        names_ += text + '\0';
        return at;
    }
    void word(std::uint32_t value)
    {
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        types_.insert(types_.end(), bytes, bytes + sizeof value);
    }
    void type(std::uint32_t kind, std::uint32_t name_at, std::uint32_t vlen, std::uint32_t size_or_type)
    {
        word(name_at);
        word(kind << 24 | vlen);
        word(size_or_type);
    }
    [[nodiscard]] std::vector<std::byte> bytes() const
    {
        btf_header header{};
        header.magic = BTF_MAGIC;
        header.version = BTF_VERSION;
        header.hdr_len = sizeof header;
        header.type_len = static_cast<__u32>(types_.size());
        header.str_off = header.type_len;
        header.str_len = static_cast<__u32>(names_.size());
        std::vector<std::byte> all(sizeof header);
        std::memcpy(all.data(), &header, sizeof header);
        all.insert(all.end(), types_.begin(), types_.end());
        for (const char c : names_)
            all.push_back(static_cast<std::byte>(c));
        return all;
    }

private:
    std::vector<std::byte> types_;
    std::string names_{'\0'};
};

// 1 int; 2 struct inner { int a; }; 3 -> other; 4 struct outer { inner b; other *c; }; 5 struct other { int d; }
Btf sample()
{
    Btf btf;
    btf.type(BTF_KIND_INT, btf.name("int"), 0, 4);
    btf.word(32);
    btf.type(BTF_KIND_STRUCT, btf.name("inner"), 1, 4);
    for (const std::uint32_t word : {btf.name("a"), 1U, 0U})
        btf.word(word);
    btf.type(BTF_KIND_PTR, 0, 0, 5);
    btf.type(BTF_KIND_STRUCT, btf.name("outer___v2"), 2, 16);
    for (const std::uint32_t word : {btf.name("b"), 2U, 0U, btf.name("c"), 3U, 64U})
        btf.word(word);
    btf.type(BTF_KIND_STRUCT, btf.name("other"), 1, 4);
    for (const std::uint32_t word : {btf.name("d"), 1U, 0U})
        btf.word(word);
    return btf;
}

std::multiset<std::string> names_of(const Types& types)
{
    std::multiset<std::string> names;
    for (std::uint32_t id = 1; id < types.count(); ++id) {
        std::uint32_t name_at = 0;
        std::memcpy(&name_at, types.type(id), sizeof name_at);
        names.emplace(types.text(name_at));
    }
    return names;
}

}  // namespace

TEST_CASE("types: a selection has what the names stand for and what that holds, and no pointer's target", "[kernel]")
{
    const auto all = Types::parse(sample().bytes());
    REQUIRE(all.has_value());
    CHECK(all->count() == 6);
    const auto some = Types::parse(all->only({"outer"}));
    REQUIRE(some.has_value());
    CHECK(names_of(*some) == std::multiset<std::string>{"outer___v2", "inner", "int", ""});
    const auto none = Types::parse(all->only({"c", "nothing"}));
    REQUIRE(none.has_value());
    CHECK(none->count() == 1);
}

TEST_CASE("types: what is cut off or of an unknown kind is refused", "[kernel]")
{
    const std::vector<std::byte> whole = sample().bytes();
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK_FALSE(Types::parse({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}).has_value());
    Btf strange = sample();
    strange.type(31, 0, 0, 0);
    CHECK_FALSE(Types::parse(strange.bytes()).has_value());
}

TEST_CASE("types: a variant's name is less what tells it apart", "[kernel]")
{
    CHECK(essential_name("task_struct___v6_18") == "task_struct");
    CHECK(essential_name("task_struct") == "task_struct");
    CHECK(essential_name("___odd") == "___odd");
}
