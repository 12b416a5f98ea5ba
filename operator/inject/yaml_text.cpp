#include "inject/yaml_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/strings.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

bool isWordOfYaml(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kWords = {"y",   "n",    "yes",   "no",  "on",
                                                             "off", "true", "false", "null"};
  return std::find(kWords.begin(), kWords.end(), toLower(text)) != kWords.end();
}

bool isBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    return false;
  }
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || c == '\n' || c == '\t';
  });
  static constexpr std::array<std::string_view, 3> kBreaks = {"\xC2", "\xE2\x80", "\xEF\xBB\xBF"};
  return printable && std::none_of(kBreaks.begin(), kBreaks.end(),
                                   [&](auto mark) { return text.find(mark) != std::string_view::npos; });
}

// A text in quotes. JSON is YAML but for characters that it leaves bare and readers of YAML refuse or fold: DEL, C1
// controls, the line and paragraph separators, the byte order mark.
std::string inQuotes(const std::string& text) {
  const auto json = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string result;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = [&](std::size_t at) { return at < json.size() ? static_cast<unsigned char>(json[at]) : 0U; };
    if (byte(i) == 0x7F) {
      result += "\\u007f";
    } else if (byte(i) == 0xC2 && byte(i + 1) < 0xA0) {
      static constexpr std::string_view kHex = "0123456789abcdef";
      const auto code = byte(++i);
      result += std::string("\\u00") + kHex[code >> 4U] + kHex[code & 15U];
    } else if (byte(i) == 0xE2 && byte(i + 1) == 0x80 && (byte(i + 2) == 0xA8 || byte(i + 2) == 0xA9)) {
      result += byte(i + 2) == 0xA8 ? "\\u2028" : "\\u2029";
      i += 2;
    } else if (byte(i) == 0xEF && byte(i + 1) == 0xBB && byte(i + 2) == 0xBF) {
      result += "\\ufeff";
      i += 2;
    } else {
      result += json[i];
    }
  }
  return result;
}

class Writer {
 public:
  std::string take() { return std::move(out_); }

  // A value after a key or a dash; `indent` is that of the key.
  void value(const Json& value, std::size_t indent) {
    if (value.is_object() && !value.empty()) {
      out_ += '\n';
      mapping(value, indent + 2, false);
    } else if (value.is_array() && !value.empty()) {
      out_ += '\n';
      list(value, indent);
    } else if (value.is_string() && isBlock(value.get_ref<const std::string&>())) {
      block(value.get_ref<const std::string&>(), indent + 2);
    } else {
      out_ += ' ' + scalar(value) + '\n';
    }
  }

  void mapping(const Json& object, std::size_t indent, bool begun) {
    for (const auto& [key, item] : object.items()) {
      if (!begun) out_.append(indent, ' ');
      begun = false;
      out_ += scalar(key) + ':';
      value(item, indent);
    }
  }

  void list(const Json& items, std::size_t indent) {
    for (const auto& item : items) {
      out_.append(indent, ' ');
      out_ += '-';
      if (item.is_object() && !item.empty()) {
        out_ += ' ';
        mapping(item, indent + 2, true);
      } else if (item.is_array() && !item.empty()) {
        out_ += '\n';
        list(item, indent + 2);
      } else {
        value(item, indent);
      }
    }
  }

  static std::string scalar(const Json& value) {
    if (!value.is_string()) return value.dump();
    const auto& text = value.get_ref<const std::string&>();
    return isPlainYaml(text) ? text : inQuotes(text);
  }

 private:
  void block(std::string_view text, std::size_t indent) {
    const bool ended = text.ends_with('\n');
    out_ += !ended ? " |-\n" : text.ends_with("\n\n") ? " |+\n" : " |\n";
    if (ended) text.remove_suffix(1);
    for (const auto& line : split(text, '\n')) {
      if (!line.empty()) out_.append(indent, ' ');
      out_ += line + '\n';
    }
  }

  std::string out_;
};

}  // namespace

bool isPlainYaml(std::string_view text) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  if (text.empty() || isWordOfYaml(text) || text.back() == ' ' || text.back() == ':') return false;
  if (!letter(text.front()) && text.front() != '/') return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(" /._-+=:@,()$").find(c) != std::string_view::npos;
  });
}

std::string toYaml(const Json& value) {
  Writer writer;
  if (value.is_object() && !value.empty()) {
    writer.mapping(value, 0, false);
  } else if (value.is_array() && !value.empty()) {
    writer.list(value, 0);
  } else {
    return Writer::scalar(value) + "\n";
  }
  return writer.take();
}

}  // namespace fairway::inject
