#include "translate/fields.h"

#include "base/strings.h"

namespace fairway::translate {

namespace {

// ',' separates values, '=' a key from its value, '%' starts an escape: none of them is left in `text`.
std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '%': result += "%p"; break;
      case ',': result += "%c"; break;
      case '=': result += "%e"; break;
      default: result += c;
    }
  }
  return result;
}

std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    ++i;
    result += text[i] == 'p' ? '%' : text[i] == 'c' ? ',' : '=';
  }
  return result;
}

}  // namespace

// Every value ends with a comma, so that a list with one empty value is not an empty list.
std::string listField(const std::vector<std::string>& values) {
  std::string field;
  for (const auto& value : values) field += escape(value) + ",";
  return field;
}

std::vector<std::string> parseList(std::string_view field) {
  std::vector<std::string> values;
  for (const auto& part : split(field, ',')) values.push_back(unescape(part));
  values.pop_back();
  return values;
}

std::string mapField(const std::map<std::string, std::string>& values) {
  std::string field;
  for (const auto& [key, value] : values) field += escape(key) + "=" + escape(value) + ",";
  return field;
}

std::map<std::string, std::string> parseMap(std::string_view field) {
  std::map<std::string, std::string> values;
  for (const auto& part : split(field, ',')) {
    const auto middle = part.find('=');
    if (middle == std::string::npos) continue;
    values[unescape(std::string_view(part).substr(0, middle))] = unescape(std::string_view(part).substr(middle + 1));
  }
  return values;
}

std::string portsField(const std::map<std::string, std::uint32_t>& ports) {
  std::map<std::string, std::string> values;
  for (const auto& [name, port] : ports) values[name] = std::to_string(port);
  return mapField(values);
}

std::map<std::string, std::uint32_t> parsePorts(std::string_view field) {
  std::map<std::string, std::uint32_t> ports;
  for (const auto& [name, port] : parseMap(field)) ports[name] = parseNumber(port);
  return ports;
}

std::string flagField(bool flag) { return flag ? "1" : ""; }

bool parseFlag(std::string_view field) { return field == "1"; }

std::string numberField(std::uint32_t number) { return std::to_string(number); }

std::uint32_t parseNumber(std::string_view field) { return static_cast<std::uint32_t>(toNumber(field).value_or(0)); }

const std::string& fieldAt(const std::vector<std::string>& fields, std::size_t index) {
  static const std::string empty;
  return index < fields.size() ? fields[index] : empty;
}

}  // namespace fairway::translate
