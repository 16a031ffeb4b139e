// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/demangle.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace flyball::symbol {

namespace {

constexpr std::size_t kMostMangled = 1024;
constexpr std::size_t kMostDemangled = 8192;
// A mangled name refers back to its own parts, and these to theirs: a short one can be made to stand for
// gigabytes. n references multiply at most 3^(n/3)-fold.
constexpr int kMostReferences = 32;

int references(std::string_view name)
{
    int count = 0;
    for (std::size_t i = 0; i + 1 < name.size(); ++i) {
        const char next = name[i + 1];
        const bool digit = (next >= '0' && next <= '9') || next == '_';
        count += (name[i] == 'S' && (digit || (next >= 'A' && next <= 'Z'))) || (name[i] == 'T' && digit);
    }
    return count;
}

struct Free {
    void operator()(char* text) const { std::free(text); }
};

}  // namespace

std::string demangle(std::string_view name)
{
    std::string plain(name);
    if (!name.starts_with("_Z") || name.size() > kMostMangled || references(name) > kMostReferences)
        return plain;
    int status = 0;
    const std::unique_ptr<char, Free> text(abi::__cxa_demangle(plain.c_str(), nullptr, nullptr, &status));
    if (status != 0 || !text || std::string_view(text.get()).size() > kMostDemangled)
        return plain;
    return text.get();
}

}  // namespace flyball::symbol
