#include "console/html.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include <nlohmann/json.hpp>

namespace fairway::console {

using nlohmann::json;

namespace {

std::string_view classOf(Cell::Look look) {
  switch (look) {
    case Cell::Look::text: return "";
    case Cell::Look::code: return "code";
    case Cell::Look::number: return "number";
    case Cell::Look::good: return "good";
    case Cell::Look::warning: return "warning";
    case Cell::Look::error: return "error";
  }
  return "";
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

void appendCell(std::string& out, const Cell& cell) {
  const auto look = classOf(cell.look);
  out += look.empty() ? "<td>" : "<td class=" + std::string(look) + ">";
  if (!cell.link.empty()) out += "<a href=\"" + escapeHtml(cell.link) + "\">";
  out += escapeHtml(cell.text);
  if (!cell.link.empty()) out += "</a>";
  out += "</td>";
}

// "lastSign" -> "last sign"
std::string words(const std::string& key) {
  std::string result;
  for (const char c : key) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) {
      result += ' ';
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string escapeHtml(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&#39;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string percentEncode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      result += static_cast<char>(c);
    } else {
      result += '%';
      result += kDigits[c >> 4U];
      result += kDigits[c & 15U];
    }
  }
  return result;
}

std::string shown(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_array()) {
    std::string result;
    for (const auto& each : value) result += (result.empty() ? "" : ", ") + shown(each);
    return result;
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Column column(std::string title, std::string key, Cell::Look look) {
  return {std::move(title), [key = std::move(key), look](const json& row) {
            const auto found = row.find(key);
            return Cell{found == row.end() ? std::string() : shown(*found), look};
          }};
}

Column flag(std::string title, std::string key, std::string yes, Cell::Look yesLook, std::string no,
            Cell::Look noLook) {
  return {std::move(title), [=](const json& row) {
            const auto found = row.find(key);
            if (found == row.end() || !found->is_boolean()) return Cell{};
            return found->get<bool>() ? Cell{yes, yesLook} : Cell{no, noLook};
          }};
}

std::string page(const Frame& frame, const std::string& body) {
  std::ostringstream out;
  const auto title = escapeHtml(frame.title);
  out << "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>" << title
      << " - Fairway</title><meta name=viewport content=\"width=device-width\"><meta name=color-scheme content=\"light "
         "dark\"><link rel=stylesheet href=/debug/style.css></head><body><header><a href=/debug>Fairway "
      << escapeHtml(frame.version) << "</a></header><main><h1>" << title << "</h1>";
  if (!frame.about.empty()) out << "<p>" << escapeHtml(frame.about) << "</p>";
  if (!frame.notice.empty()) {
    out << "<p class=warning role=status>This control plane " << escapeHtml(frame.notice) << ".</p>";
  }
  if (frame.search) {
    out << "<form action=\"" << escapeHtml(frame.path) << "\"><label>Rows with <input type=search name=filter value=\""
        << escapeHtml(frame.filter) << "\"></label> <button>Show</button> <a href=\"" << escapeHtml(frame.path)
        << "?format=json\">as JSON</a></form>";
  }
  out << body << "</main></body></html>\n";
  return out.str();
}

std::string table(const std::vector<Column>& columns, const json& rows, const std::string& filter, std::size_t most) {
  const auto wanted = lower(filter);
  std::string body;
  std::size_t found = 0;
  for (const auto& row : rows) {
    std::string cells;
    bool matches = wanted.empty();
    for (const auto& each : columns) {
      const auto cell = each.cell(row);
      matches = matches || lower(cell.text).find(wanted) != std::string::npos;
      if (found < most) appendCell(cells, cell);
    }
    if (matches && ++found <= most) body += "<tr>" + cells + "</tr>\n";
  }
  std::string head;
  for (const auto& each : columns) head += "<th scope=col>" + escapeHtml(each.title) + "</th>";
  auto count = std::to_string(found) + (found == 1 ? " row" : " rows");
  if (!wanted.empty()) count += " of " + std::to_string(rows.size());
  if (found > most) count += ", the first " + std::to_string(most) + " of them here; all are in the JSON";
  if (found == 0) return "<p class=count>" + count + "</p>";
  return "<p class=count>" + count + "</p><div class=table><table><thead><tr>" + head + "</tr></thead><tbody>\n" +
         body + "</tbody></table></div>";
}

std::string facts(const json& object) {
  std::string own, within;
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      within += "<h2>" + escapeHtml(words(key)) + "</h2>" + facts(value);
    } else {
      own += "<dt>" + escapeHtml(words(key)) + "</dt><dd>" + escapeHtml(shown(value)) + "</dd>\n";
    }
  }
  return (own.empty() ? "" : "<dl>" + own + "</dl>") + within;
}

const std::string_view kContentSecurityPolicy =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const std::string_view kStyleSheet = R"(:root {
  --ground: #fff; --text: #1b1f24; --quiet: #57606a; --line: #d0d7de; --band: #f6f8fa;
  --link: #0550ae; --good: #116329; --warning: #7d4e00; --error: #b00020;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c; --text: #e4e7eb; --quiet: #9aa4b0; --line: #353b44; --band: #1c2128;
    --link: #79b8ff; --good: #6fdd8b; --warning: #e3b341; --error: #ff8a8a;
  }
}
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header { padding: .6rem 1.5rem; background: var(--band); border-bottom: 1px solid var(--line); }
header a { color: var(--text); font-weight: 600; text-decoration: none; }
main { padding: 0 1.5rem 2rem; }
h1 { font-size: 1.4rem; margin: 1rem 0 .3rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; text-transform: capitalize; }
p { margin: .3rem 0 .8rem; max-width: 75ch; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
form { margin: .8rem 0; }
input, button { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line);
  border-radius: 4px; padding: .2rem .5rem; }
.count { color: var(--quiet); margin-bottom: .3rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; min-width: 40rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line);
  max-width: 48rem; overflow-wrap: break-word; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
tbody tr:hover { background: var(--band); }
.code { font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere; }
.number { font-variant-numeric: tabular-nums; }
.number, .good, .warning { white-space: nowrap; }
p.warning { white-space: normal; }
.good { color: var(--good); } .warning { color: var(--warning); } .error { color: var(--error); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: .3rem 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
)";

}  // namespace fairway::console
