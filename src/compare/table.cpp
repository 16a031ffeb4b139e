// SPDX-License-Identifier: Apache-2.0
#include "flyball/compare/table.hpp"

#include "flyball/base/strings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace flyball::compare {
namespace {

std::unexpected<Error> wrong(std::size_t line, std::string_view what)
{
    return fail(ErrorKind::Usage, fmt::format("line {}: {}", line, what));
}

// One pass over the text. A row may span lines, where a field is quoted.
class Reader {
public:
    Reader(std::string_view text, char separator) : rest_(text), separator_(separator) {}

    // nullopt: the end.
    Result<std::optional<Table::Row>> next()
    {
        skip_empty_lines();
        if (rest_.empty())
            return std::nullopt;
        Table::Row row{.line = line_, .fields = {}};
        for (;;) {
            auto field = next_field();
            if (!field)
                return std::unexpected(std::move(field).error());
            row.fields.push_back(std::move(*field));
            if (!rest_.empty() && rest_.front() == separator_) {
                rest_.remove_prefix(1);
                continue;
            }
            end_line();
            return row;
        }
    }

private:
    void end_line()
    {
        if (rest_.starts_with('\r'))
            rest_.remove_prefix(1);
        if (rest_.starts_with('\n')) {
            rest_.remove_prefix(1);
            ++line_;
        }
    }
    void skip_empty_lines()
    {
        while (!rest_.empty()) {
            const std::size_t end = std::min(rest_.find('\n'), rest_.size());
            const std::string_view line = rest_.substr(0, end);
            if (!line.starts_with('#') && !trim(line).empty())
                return;
            rest_.remove_prefix(end);
            end_line();
        }
    }
    [[nodiscard]] bool at_field_end() const
    {
        return rest_.empty() || rest_.front() == separator_ || rest_.front() == '\n' || rest_ == "\r" ||
               rest_.starts_with("\r\n");
    }
    Result<std::string> next_field()
    {
        if (rest_.starts_with('"'))
            return quoted_field();
        std::string field;
        for (; !at_field_end(); rest_.remove_prefix(1)) {
            if (rest_.front() == '"')
                return wrong(line_, "a quote inside a field that does not begin with one");
            field += rest_.front();
        }
        return std::string(trim(field));
    }
    Result<std::string> quoted_field()
    {
        const std::size_t begin = line_;
        std::string field;
        for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
            if (rest_.front() != '"') {
                line_ += rest_.front() == '\n' ? 1 : 0;
                field += rest_.front();
            } else if (rest_.substr(1).starts_with('"')) {
                field += '"';
                rest_.remove_prefix(1);
            } else {
                rest_.remove_prefix(1);
                if (!at_field_end())
                    return wrong(line_, "something follows a closing quote");
                return field;
            }
        }
        return wrong(begin, "a quote that is never closed");
    }

    std::string_view rest_;
    char separator_;
    std::size_t line_ = 1;
};

char separator_of(std::string_view text)
{
    char separator = ',';
    bool decided = false;
    for_each_line(text, [&](std::string_view line) {
        if (decided || line.starts_with('#') || trim(line).empty())
            return;
        decided = true;
        if (line.find(',') == std::string_view::npos && line.find('\t') != std::string_view::npos)
            separator = '\t';
    });
    return separator;
}

std::vector<std::string> made_up_header(std::size_t columns)
{
    if (columns == 1)
        return {"value"};
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= columns; ++i)
        names.push_back(fmt::format("column{}", i));
    return names;
}

Result<> check_header(const Table::Row& row)
{
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
        if (row.fields[i].empty())
            return wrong(row.line, fmt::format("column {} has no name", i + 1));
        if (!seen.insert(row.fields[i]).second)
            return wrong(row.line, fmt::format("two columns are called '{}'", row.fields[i]));
    }
    return {};
}

}  // namespace

std::expected<double, std::string> parse_number(std::string_view text)
{
    if (text.empty())
        return std::unexpected("is empty");
    const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range)
        return std::unexpected(fmt::format("'{}' is beyond what a number here can be", text.substr(0, 40)));
    if (error != std::errc() || end != digits.data() + digits.size() ||
        (text.starts_with('+') && digits.starts_with('-')))
        return std::unexpected(fmt::format("'{}' is no number", text.substr(0, 40)));
    if (!std::isfinite(value))
        return std::unexpected(fmt::format("'{}' is not finite", text.substr(0, 40)));
    return value;
}

Result<Table> parse_table(std::string_view text)
{
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3);
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
        return fail(ErrorKind::Usage, fmt::format("byte {} is a NUL: this is no text", nul));
    Reader reader(text, separator_of(text));
    Table table;
    for (;;) {
        auto row = reader.next();
        if (!row)
            return std::unexpected(std::move(row).error());
        if (!*row)
            break;
        if (!table.header.empty()) {
            if ((*row)->fields.size() != table.header.size())
                return wrong((*row)->line, fmt::format("{} fields, but there are {} columns", (*row)->fields.size(),
                                                       table.header.size()));
            table.rows.push_back(std::move(**row));
            continue;
        }
        const bool numbers =
            std::ranges::all_of((*row)->fields, [](const std::string& f) { return parse_number(f).has_value(); });
        if (numbers) {
            table.header = made_up_header((*row)->fields.size());
            table.rows.push_back(std::move(**row));
            continue;
        }
        if (auto good = check_header(**row); !good)
            return std::unexpected(std::move(good).error());
        table.header = std::move((*row)->fields);
    }
    if (table.rows.empty())
        return fail(ErrorKind::Usage, "there is no row of results");
    return table;
}

}  // namespace flyball::compare
