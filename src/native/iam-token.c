/*
 * iam-token, the fast path: prints the IAM token of a running daemon without starting Node.
 *
 * It does only what succeeds at once: it checks the folder of the daemon's socket, sends one request and prints the
 * answer. Everything else is handed over to the JavaScript client (dist/bin/iam-token.js) with the same arguments,
 * environment and stdin: other commands, errors, warnings, slow answers, and whatever this file does not understand.
 * So no message, hint or exit code is written twice; only a missing Node, and output that was cut short, have a message
 * here. When in doubt, a function returns false, and the JavaScript client decides.
 *
 * No allocation and no recursion. Each buffer has a fixed size, stated where it is declared. Each wait for another
 * process ends at one deadline; only the reader of our output sets its own pace, as for any program.
 *
 * PROTOCOL.md documents the messages. test/native runs every case against both clients, and a fuzzer against the
 * reader of answers. Comments name the TypeScript functions that a function here agrees with.
 */
#define _GNU_SOURCE /* O_PATH, timegm */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
  MAX_FRAME = 65536,        /* bytes without the form feed that ends it: maxFrameBytes */
  MAX_DEPTH = 64,           /* nested values in an answer: the bits of an uint64_t */
  MAX_SOCKET_PATH = 103,    /* bytes: maxSocketPathBytes */
  MAX_PROFILE = 64,         /* characters: isProfileName */
  MAX_REGISTRY = 1024,      /* bytes from docker: maxRegistryLength */
  MAX_PATH_BYTES = 4096,    /* of a program or a file of the package: PATH_MAX of Linux */
  FAST_MS = 300,            /* the JavaScript client waits longer, and shows that it does: progressDelayMs */
  PROMPT_MS = 250,          /* the default --timeout of `prompt` */
  EXPIRY_MARGIN_MS = 60000, /* expiryMarginMs */
  EXIT_BROKEN_PIPE = 141    /* silentExitCodes */
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CLOSED_INSPECTOR "--inspect-port=192.0.2.1:9229" /* closedInspectorOption: for every start of Node */

/* Text to be parsed: an answer, or KUBERNETES_EXEC_INFO before it. Strings are decoded in place. */
static char frame[MAX_FRAME + 1];
/* A token of MAX_FRAME bytes, each of which JSON may escape with a backslash, and the text around it. */
static char output_bytes[2 * MAX_FRAME + 4096];
/* The longest request: a profile of 64 characters, escaped, an id of 50 characters, and fixed text. */
static char request_bytes[1024];

/* What has been read from stdin, which the JavaScript client must read again. One byte more than is understood. */
static struct {
  char bytes[MAX_REGISTRY + 1];
  size_t length;
  bool was_read, has_ended;
} input;

/* ---- Text ------------------------------------------------------------------------------------------------- */

struct text {
  char *start; /* NULL: absent, or null in JSON */
  size_t length;
  bool is_plain; /* consists of characters that `is_plain` accepts */
};

#define NOT_PLAIN 0xffffffffu

/*
 * Characters that every output shows unchanged: of ASCII, Latin and Cyrillic, without control and format characters.
 * Every character of these blocks is assigned. Text with others is left to the JavaScript client, which has Unicode's tables.
 */
static bool is_plain(uint32_t code) {
  return (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0x377 && code != 0xad) ||
         (code >= 0x400 && code <= 0x52f);
}

/* Takes a character of one or two bytes of UTF-8, or else one byte. Requires *at < end. */
static uint32_t take_character(char **at, const char *end) {
  unsigned char first = (unsigned char)*(*at)++;
  if (first < 0x80) return first;
  if (first < 0xc2 || first > 0xdf || *at == end || (**at & 0xc0) != 0x80) return NOT_PLAIN;
  return (uint32_t)(first & 0x1f) << 6 | (uint32_t)(*(*at)++ & 0x3f);
}

static struct text text_of(char *string) { return (struct text){string, strlen(string), true}; }

/* The number of characters; 0 for the empty text and for one that is not plain. */
static size_t count_plain(struct text text) {
  size_t count = 0;
  for (char *at = text.start; at < text.start + text.length; count += 1)
    if (!is_plain(take_character(&at, text.start + text.length))) return 0;
  return count;
}

static bool equals(struct text text, const char *string) {
  return text.length == strlen(string) && memcmp(text.start, string, text.length) == 0;
}

static bool is_one_of(char c, const char *characters) { return c != '\0' && strchr(characters, c); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/* The end of the longest prefix of letters, digits, _ and characters of `others`. */
static const char *skip_word(const char *at, const char *end, const char *others) {
  while (at < end && (is_letter(*at) || is_digit(*at) || *at == '_' || is_one_of(*at, others))) at += 1;
  return at;
}

/* ---- Building text in a buffer of fixed size -------------------------------------------------------------- */

struct output {
  char *start, *at, *end;
  bool has_overflowed;
};

static void append_bytes(struct output *out, const char *bytes, size_t length) {
  if (length > (size_t)(out->end - out->at)) {
    out->has_overflowed = true;
    return;
  }
  memcpy(out->at, bytes, length);
  out->at += length;
}

static void append(struct output *out, const char *string) { append_bytes(out, string, strlen(string)); }

static void append_number(struct output *out, int64_t number) {
  char digits[21]; /* of -2^63, and a zero */
  snprintf(digits, sizeof digits, "%lld", (long long)number);
  append(out, digits);
}

/* A string as JSON.stringify writes it, if it is plain, or null. */
static void append_json(struct output *out, struct text text) {
  if (!text.start) {
    append(out, "null");
    return;
  }
  append(out, "\"");
  for (size_t i = 0; i < text.length; i += 1) {
    if (text.start[i] == '"' || text.start[i] == '\\') append(out, "\\");
    append_bytes(out, text.start + i, 1);
  }
  append(out, "\"");
}

/* ---- A reader of JSON (RFC 8259) -------------------------------------------------------------------------- */

/* After a failure, `at` is `end`, so that every loop ends. */
struct reader {
  char *at, *end;
  bool has_failed;
};

static void fail(struct reader *r) {
  r->at = r->end;
  r->has_failed = true;
}

/* Takes the next byte; 0 at the end. */
static char take(struct reader *r) { return r->at < r->end ? *r->at++ : '\0'; }

static bool take_one_of(struct reader *r, const char *characters) {
  if (r->at == r->end || !is_one_of(*r->at, characters)) return false;
  r->at += 1;
  return true;
}

/* The next byte after white space; 0 at the end. */
static char peek(struct reader *r) {
  while (take_one_of(r, " \t\n\r")) continue;
  return r->at < r->end ? *r->at : '\0';
}

static void expect(struct reader *r, char c) {
  if (peek(r) == c) take(r);
  else fail(r);
}

/* A unit of UTF-16. Halves of a pair are not plain, and nor is the character, so they need not be joined. */
static uint32_t read_hex(struct reader *r) {
  uint32_t code = 0;
  for (int i = 0; i < 4; i += 1) {
    char c = take(r);
    if (is_digit(c)) code = code << 4 | (uint32_t)(c - '0');
    else if (is_one_of(c, "abcdefABCDEF")) code = code << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
    else fail(r);
  }
  return code;
}

static uint32_t read_escape(struct reader *r) {
  char c = take(r);
  if (c == 'u') return read_hex(r);
  if (is_one_of(c, "\"\\/")) return (uint32_t)c;
  if (!is_one_of(c, "bfnrt")) fail(r);
  return NOT_PLAIN; /* a control character */
}

/*
 * @param decodes over the source: a character is never longer than what stands for it, and one that is not plain
 *   becomes ?. Else the source stays, to be read again
 */
static struct text read_string(struct reader *r, bool decodes) {
  expect(r, '"');
  char *out = r->at;
  struct text text = {out, 0, true};
  while (r->at < r->end && *r->at != '"') {
    if ((unsigned char)*r->at < 0x20) fail(r);
    if (r->has_failed) return text;
    uint32_t code = take_one_of(r, "\\") ? read_escape(r) : take_character(&r->at, r->end);
    if (!is_plain(code)) {
      text.is_plain = false;
      code = '?';
    }
    if (!decodes) continue;
    if (code >= 0x80) *out++ = (char)(0xc0 | code >> 6);
    *out++ = (char)(code < 0x80 ? code : 0x80 | (code & 0x3f));
  }
  text.length = (size_t)(out - text.start);
  expect(r, '"');
  return text;
}

static void skip_digits(struct reader *r) {
  if (!take_one_of(r, "0123456789")) fail(r);
  while (take_one_of(r, "0123456789")) continue;
}

static void skip_number(struct reader *r) {
  take_one_of(r, "-");
  if (!take_one_of(r, "0")) skip_digits(r);
  if (take_one_of(r, ".")) skip_digits(r);
  if (take_one_of(r, "eE")) {
    take_one_of(r, "+-");
    skip_digits(r);
  }
}

static bool take_literal(struct reader *r, const char *literal) {
  size_t length = strlen(literal);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, literal, length) != 0) return false;
  r->at += length;
  return true;
}

static void skip_scalar(struct reader *r) {
  if (peek(r) == '"') read_string(r, false);
  else if (!take_literal(r, "true") && !take_literal(r, "false") && !take_literal(r, "null")) skip_number(r);
}

static struct text read_key(struct reader *r, bool decodes) {
  struct text key = read_string(r, decodes);
  expect(r, ':');
  return key;
}

/* Any value. The lowest bit of `objects` is 1 if the innermost open container is an object, 0 if it is an array. */
static void skip_value(struct reader *r) {
  uint64_t objects = 0;
  for (int depth = 0; !r->has_failed;) {
    char c = peek(r);
    if (c == '{' || c == '[') {
      take(r);
      if (++depth > MAX_DEPTH) fail(r);
      objects = objects << 1 | (c == '{');
      if (peek(r) != (c == '{' ? '}' : ']')) {
        if (c == '{') read_key(r, false);
        continue;
      }
    } else {
      skip_scalar(r);
    }
    for (; depth > 0 && peek(r) == (objects & 1 ? '}' : ']'); depth -= 1, objects >>= 1) take(r);
    if (depth == 0) return;
    expect(r, ',');
    if (objects & 1) read_key(r, false);
  }
}

/* Whether an object or an array has a further value; takes the comma before it, or the closing bracket. */
static bool has_next(struct reader *r, char closing, bool *is_first) {
  if (peek(r) == closing) {
    take(r);
    return false;
  }
  if (!*is_first) expect(r, ',');
  *is_first = false;
  return !r->has_failed;
}

/* ---- Objects, by a table of the fields that are read -------------------------------------------------------- */

/* What a field may be; a set. */
enum kind { JSON_STRING = 1, JSON_INTEGER = 2, JSON_BOOLEAN = 4, JSON_NULL = 8, JSON_ANY = 16, JSON_ABSENT = 32 };

struct field {
  const char *name;
  unsigned kinds;
  bool is_present;
  struct text text; /* of a string; the source of JSON_ANY */
  int64_t number;   /* of an integer; 1 for true */
};

/* A whole number of at most 15 digits, as JSON.stringify writes it. */
static int64_t read_integer(struct reader *r) {
  const char *start = r->at;
  skip_number(r);
  bool is_negative = *start == '-';
  const char *digit = start + is_negative;
  if (r->at - digit > 15 || (is_negative && *digit == '0')) fail(r);
  int64_t number = 0;
  for (; !r->has_failed && digit < r->at; digit += 1) {
    if (!is_digit(*digit)) fail(r); /* a fraction or an exponent */
    number = number * 10 + (*digit - '0');
  }
  return is_negative ? -number : number;
}

static void read_field(struct reader *r, struct field *field) {
  char c = peek(r);
  /* Which of two fields of one name counts is left to the JavaScript client. */
  if (field->is_present) fail(r);
  field->is_present = true;
  if (field->kinds & JSON_ANY) {
    field->text.start = r->at;
    skip_value(r);
    field->text.length = (size_t)(r->at - field->text.start);
  } else if (c == '"' && field->kinds & JSON_STRING) field->text = read_string(r, true);
  else if ((c == '-' || is_digit(c)) && field->kinds & JSON_INTEGER) field->number = read_integer(r);
  else if (field->kinds & JSON_BOOLEAN && take_literal(r, "true")) field->number = 1;
  else if (!(field->kinds & JSON_BOOLEAN && take_literal(r, "false")) &&
           !(field->kinds & JSON_NULL && take_literal(r, "null")))
    fail(r);
}

/* @returns whether `json` is an object with these fields. Others are ignored. Decodes strings in place */
static bool read_object(struct text json, struct field *fields, size_t count) {
  struct reader r = {json.start, json.start + json.length, false};
  bool is_first = true;
  expect(&r, '{');
  while (has_next(&r, '}', &is_first)) {
    struct text key = read_key(&r, true);
    size_t i = 0;
    while (i < count && !equals(key, fields[i].name)) i += 1;
    if (i < count) read_field(&r, &fields[i]);
    else skip_value(&r);
  }
  for (size_t i = 0; i < count; i += 1)
    if (!fields[i].is_present && !(fields[i].kinds & JSON_ABSENT)) return false;
  peek(&r);
  return !r.has_failed && r.at == r.end;
}

/* ---- Answers: the schemas of src/protocol, as far as they are read -------------------------------------------- */

struct answer {
  struct text token, expires_at, profile, subject;
  bool has_clock_offset;
  int64_t clock_offset_ms, expires_at_ms;
  struct text state; /* of the profile that a prompt shows; absent without one */
  int64_t time_left_ms;
};

/* `isIamToken` */
static bool is_iam_token(struct text token) {
  for (size_t i = 0; i < token.length; i += 1)
    if (token.start[i] < 0x21 || token.start[i] > 0x7e) return false;
  return token.is_plain && token.length > 0;
}

static int number_at(const char *digits, int count) {
  int number = 0;
  for (int i = 0; i < count; i += 1) number = number * 10 + (digits[i] - '0');
  return number;
}

#ifdef _WIN32
#define timegm _mkgmtime
static bool to_utc(time_t seconds, struct tm *parts) { return gmtime_s(parts, &seconds) == 0; }
#else
static bool to_utc(time_t seconds, struct tm *parts) { return gmtime_r(&seconds, parts) != NULL; }
#endif

/* `isTimestamp`, from 1970 on. */
static bool parse_time(struct text text, int64_t *ms) {
  static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
  const char *c = text.start;
  if (text.length != sizeof form - 1) return false;
  for (size_t i = 0; i < text.length; i += 1)
    if (form[i] == 'd' ? !is_digit(c[i]) : c[i] != form[i]) return false;
  struct tm parts = {.tm_year = number_at(c, 4) - 1900, .tm_mon = number_at(c + 5, 2) - 1,
                     .tm_mday = number_at(c + 8, 2), .tm_hour = number_at(c + 11, 2),
                     .tm_min = number_at(c + 14, 2), .tm_sec = number_at(c + 17, 2)};
  struct tm normal = parts;
  int64_t seconds = timegm(&normal);
  /* A day that does not exist, such as February 30, is another day now. */
  if (parts.tm_year < 70 || parts.tm_mon != normal.tm_mon || parts.tm_mday != normal.tm_mday ||
      parts.tm_hour != normal.tm_hour || parts.tm_min != normal.tm_min || parts.tm_sec != normal.tm_sec)
    return false;
  *ms = seconds * 1000 + number_at(c + 20, 3);
  return true;
}

static bool read_token_result(struct text json, struct answer *answer) {
  enum { TOKEN, EXPIRES_AT, PROFILE, SUBJECT, OFFSET, WARNING };
  struct field f[] = {
      [TOKEN] = {.name = "token", .kinds = JSON_STRING},
      [EXPIRES_AT] = {.name = "expiresAt", .kinds = JSON_STRING},
      [PROFILE] = {.name = "profile", .kinds = JSON_STRING},
      [SUBJECT] = {.name = "subject", .kinds = JSON_STRING | JSON_NULL},
      [OFFSET] = {.name = "clockOffsetMs", .kinds = JSON_INTEGER | JSON_ABSENT},
      [WARNING] = {.name = "warning", .kinds = JSON_ABSENT}, /* to be printed */
  };
  if (!read_object(json, f, COUNT(f))) return false;
  answer->token = f[TOKEN].text;
  answer->expires_at = f[EXPIRES_AT].text;
  answer->profile = f[PROFILE].text;
  answer->subject = f[SUBJECT].text;
  answer->has_clock_offset = f[OFFSET].is_present;
  answer->clock_offset_ms = f[OFFSET].number;
  return is_iam_token(answer->token) && parse_time(answer->expires_at, &answer->expires_at_ms);
}

static bool is_known_state(struct text state) {
  static const char *const states[] = {"loading",        "ok",              "renewing",             "failing",
                                       "login_required", "keychain_locked", "keychain_unavailable", "locked"};
  for (size_t i = 0; i < COUNT(states); i += 1)
    if (equals(state, states[i])) return true;
  return false;
}

/* The first profile that is shown: the default one, or any if the request names a profile. */
static bool read_profile_row(struct text json, struct answer *answer, bool names_profile) {
  enum { PROFILE, IS_DEFAULT, STATE, TIME_LEFT };
  struct field f[] = {
      [PROFILE] = {.name = "profile", .kinds = JSON_STRING},
      [IS_DEFAULT] = {.name = "isDefault", .kinds = JSON_BOOLEAN},
      [STATE] = {.name = "state", .kinds = JSON_STRING},
      [TIME_LEFT] = {.name = "timeLeftMs", .kinds = JSON_INTEGER | JSON_NULL},
  };
  if (!read_object(json, f, COUNT(f)) || !is_known_state(f[STATE].text)) return false;
  if (answer->state.start || !(names_profile || f[IS_DEFAULT].number)) return true;
  answer->profile = f[PROFILE].text;
  answer->state = f[STATE].text;
  answer->time_left_ms = f[TIME_LEFT].number;
  return true;
}

static bool read_status_result(struct text json, struct answer *answer, bool names_profile) {
  /* `next` is a string if there are further pages. */
  struct field f[] = {{.name = "profiles", .kinds = JSON_ANY}, {.name = "next", .kinds = JSON_NULL}};
  if (!read_object(json, f, COUNT(f))) return false;
  struct reader r = {f[0].text.start, f[0].text.start + f[0].text.length, false};
  bool is_first = true;
  expect(&r, '[');
  while (has_next(&r, ']', &is_first)) {
    peek(&r);
    struct text row = {r.at, 0, true};
    skip_value(&r);
    row.length = (size_t)(r.at - row.start);
    if (!read_profile_row(row, answer, names_profile)) return false;
  }
  return !r.has_failed;
}

/* @returns whether the bytes are a successful response to the request `id`; `result` is the source of its result */
static bool read_response(struct text json, int64_t id, struct text *result) {
  enum { TYPE, DATA };
  struct field f[] = {[TYPE] = {.name = "type", .kinds = JSON_STRING}, [DATA] = {.name = "data", .kinds = JSON_ANY}};
  enum { VERSION, ID, RESULT, PROBLEM, EVENT };
  struct field d[] = {
      [VERSION] = {.name = "v", .kinds = JSON_INTEGER},    [ID] = {.name = "id", .kinds = JSON_INTEGER},
      [RESULT] = {.name = "result", .kinds = JSON_ANY},    [PROBLEM] = {.name = "error", .kinds = JSON_ABSENT},
      [EVENT] = {.name = "event", .kinds = JSON_ABSENT},
  };
  if (!read_object(json, f, COUNT(f)) || !equals(f[TYPE].text, "iam-token")) return false;
  if (!read_object(f[DATA].text, d, COUNT(d)) || d[VERSION].number != 1 || d[ID].number != id) return false;
  *result = d[RESULT].text;
  return true;
}

/* The apiVersion that kubectl requests; NULL unless it is supported: `selectApiVersion`. */
static const char *read_exec_info(struct text json) {
  static const char *const versions[] = {"client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1"};
  struct field f[] = {{.name = "kind", .kinds = JSON_STRING}, {.name = "apiVersion", .kinds = JSON_STRING}};
  if (json.length == 0) return versions[0];
  if (!read_object(json, f, COUNT(f)) || !equals(f[0].text, "ExecCredential")) return NULL;
  for (size_t i = 0; i < COUNT(versions); i += 1)
    if (equals(f[1].text, versions[i])) return versions[i];
  return NULL;
}

/* ---- The command line --------------------------------------------------------------------------------------- */

enum option { OPTION_PROFILE, OPTION_MIN_TTL, OPTION_FORMAT, OPTION_SOCKET, OPTION_TIMEOUT, OPTION_IMPERSONATED, OPTION_FOLDER, OPTION_CLOUD, OPTION_QUIET, OPTION_COUNT };

static const char *const option_names[OPTION_COUNT] = {
    "profile",   "min-ttl",  "format",        "socket", "timeout", "impersonate-service-account-id",
    "folder-id", "cloud-id", "no-user-output"};

enum {
  COMMON = 1 << OPTION_PROFILE | 1 << OPTION_SOCKET | 1 << OPTION_TIMEOUT,
  TOKEN_OPTIONS = COMMON | 1 << OPTION_MIN_TTL | 1 << OPTION_FORMAT | 1 << OPTION_QUIET,
  YC_OPTIONS = COMMON | 1 << OPTION_FORMAT | 1 << OPTION_IMPERSONATED | 1 << OPTION_FOLDER | 1 << OPTION_CLOUD | 1 << OPTION_QUIET
};

struct format {
  const char *name;
  const char *pattern; /* as `append_pattern` describes */
};

struct command {
  const char *name, *operand;
  unsigned options;         /* a set of `enum option` */
  struct format formats[4]; /* the first is the default */
};

static const struct command commands[] = {
    {"", "", TOKEN_OPTIONS,
     {{"text", "%t"},
      {"json", "{\"token\":%T,\"expiresAt\":%E,\"profile\":%P,\"subject\":%S%O}"},
      {"header", "Authorization: Bearer %t"},
      {"none", ""}}},
    {"create-token", "", YC_OPTIONS,
     {{"text", "%t"},
      {"json", "{\"iam_token\":%T,\"expires_at\":%E}"},
      {"yaml", "iam_token: %Y\nexpires_at: %E"}}},
    {"docker-credential", "get", COMMON, {{"", "{\"ServerURL\":%R,\"Username\":\"iam\",\"Secret\":%T}"}}},
    {"kubernetes-credential", "", COMMON,
     {{"", "{\"apiVersion\":\"%v\",\"kind\":\"ExecCredential\",\"status\":{\"token\":%T,\"expirationTimestamp\":\"%x\"}}"}}},
    {"prompt", "", COMMON, {{"", "%s"}}},
};

static const struct command *const token_command = &commands[0], *const docker_command = &commands[2],
                                   *const kubernetes_command = &commands[3], *const prompt_command = &commands[4];

struct call {
  const struct command *command;
  const char *pattern;
  char *options[OPTION_COUNT]; /* NULL: absent */
  bool has_arguments;
  int64_t min_ttl_ms, timeout_ms;
  struct text profile;     /* empty: the default one */
  struct text registry;    /* of `docker-credential get` */
  const char *api_version; /* of `kubernetes-credential` */
};

/* `parseDuration`: counts of at most nine digits with their units, each unit once, in this order; or seconds alone. */
static bool parse_duration(const char *text, int64_t max_ms, int64_t *ms) {
  static const struct { const char *name; int ms; } units[] = {
      {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
  size_t unit = 0;
  *ms = 0;
  do {
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 9) return false;
    int64_t count = number_at(text, (int)digits);
    text += digits;
    if (*text == '\0' && unit == 0) {
      *ms = count * 1000;
      break;
    }
    size_t length = strcspn(text, "0123456789");
    while (unit < COUNT(units) && (strlen(units[unit].name) != length || memcmp(text, units[unit].name, length) != 0))
      unit += 1;
    if (unit == COUNT(units)) return false;
    *ms += count * units[unit++].ms;
    text += length;
  } while (*text != '\0');
  return *ms <= max_ms;
}

/* Of the plain characters, those that JavaScript trims. */
static bool is_blank(uint32_t code) { return code == ' ' || code == 0xa0; }

/* `isProfileName`, for plain text. Blanks around it are left to the TypeScript client, which trims them. */
static bool is_profile_name(struct text name) {
  const char *end = name.start + name.length;
  size_t count = 0;
  uint32_t code = ' ';
  for (char *at = name.start; at < end; count += 1) {
    code = take_character(&at, end);
    if (!is_plain(code) || (count == 0 && is_blank(code))) return false;
  }
  return count >= 1 && count <= MAX_PROFILE && !is_blank(code) && !memchr(name.start, '/', name.length) &&
         !memchr(name.start, '\\', name.length) && !equals(name, "__proto__") && !equals(name, "constructor") &&
         !equals(name, "prototype");
}

/* `isResourceId` */
static bool is_resource_id(const char *id) {
  size_t length = strlen(id);
  return length >= 1 && length <= 50 && (is_letter(*id) || is_digit(*id)) &&
         skip_word(id, id + length, "-") == id + length;
}

/* `--name VALUE` or `--name=VALUE`; the last of a repeated option counts. */
static bool parse_option(struct call *call, int argc, char **argv, int *index) {
  char *name = argv[*index] + 2, *inline_value = strchr(name, '=');
  struct text option_name = {name, inline_value ? (size_t)(inline_value - name) : strlen(name), true};
  for (int option = 0; option < OPTION_COUNT; option += 1) {
    if (!equals(option_name, option_names[option])) continue;
    if (option == OPTION_QUIET) {
      call->options[OPTION_QUIET] = name;
      return !inline_value;
    }
    if (!inline_value && *index + 1 == argc) return false;
    char *value = inline_value ? inline_value + 1 : argv[++*index];
    call->options[option] = value;
    return *value != '\0' && *value != '-';
  }
  return false;
}

static bool check_options(struct call *call) {
  char *const *options = call->options;
  for (int option = 0; option < OPTION_COUNT; option += 1)
    if (options[option] && !(call->command->options & 1u << option)) return false;
  for (size_t i = 0; i < COUNT(call->command->formats); i += 1) {
    const struct format *format = &call->command->formats[i];
    bool is_selected = options[OPTION_FORMAT] ? format->name && strcmp(format->name, options[OPTION_FORMAT]) == 0 : i == 0;
    if (is_selected) call->pattern = format->pattern;
  }
  call->timeout_ms = call->command == prompt_command ? PROMPT_MS : FAST_MS;
  if (options[OPTION_TIMEOUT] && !parse_duration(options[OPTION_TIMEOUT], 24 * 3600000, &call->timeout_ms)) return false;
  if (options[OPTION_MIN_TTL] && !parse_duration(options[OPTION_MIN_TTL], 12 * 3600000, &call->min_ttl_ms)) return false;
  if (options[OPTION_PROFILE] && !is_profile_name(text_of(options[OPTION_PROFILE]))) return false;
  if (options[OPTION_IMPERSONATED] && !is_resource_id(options[OPTION_IMPERSONATED])) return false;
  return call->pattern && call->timeout_ms > 0;
}

static bool parse_command_line(struct call *call, int argc, char **argv) {
  const char *words[2] = {"", ""}; /* of which commands have at most so many */
  size_t word_count = 0;
  call->has_arguments = argc > 1;
  for (int i = 1; i < argc; i += 1) {
    if (strncmp(argv[i], "--", 2) == 0) {
      if (!parse_option(call, argc, argv, &i)) return false;
    } else {
      if (*argv[i] == '\0' || *argv[i] == '-' || word_count == COUNT(words)) return false;
      words[word_count++] = argv[i];
    }
  }
  for (size_t i = 0; i < COUNT(commands); i += 1)
    if (strcmp(commands[i].name, words[0]) == 0 && strcmp(commands[i].operand, words[1]) == 0)
      call->command = &commands[i];
  return call->command && check_options(call);
}

/* `findEnvironmentWarnings`: a variable with our prefix that has no meaning. */
static bool is_unknown_variable(struct text name) {
  static const char prefix[] = "IAM_TOKEND_";
  static const char *const names[] = {"IAM_TOKEND_SOCKET", "IAM_TOKEND_PROFILE", "IAM_TOKEND_IAM_ENDPOINT",
                                      "IAM_TOKEND_STORE", "IAM_TOKEND_LOG_LEVEL"};
  if (name.length < sizeof prefix - 1 || memcmp(name.start, prefix, sizeof prefix - 1) != 0) return false;
  for (size_t i = 0; i < COUNT(names); i += 1)
    if (equals(name, names[i])) return false;
  return true;
}

static struct text trim(char *start, size_t length) {
  static const char white_space[] = " \t\n\v\f\r";
  for (; length > 0 && is_one_of(*start, white_space); length -= 1) start += 1;
  while (length > 0 && is_one_of(start[length - 1], white_space)) length -= 1;
  return (struct text){start, length, true};
}

/* `parseRegistry`, for those that every user has; config.yaml may have others. */
static bool is_vendor_registry(struct text registry) {
  static const char scheme[] = "https://";
  static const char *const hosts[] = {
      "registry.yandexcloud.net", "registry.pe.yandexcloud.net", "cr.yandex", "cr.cloud.yandex.net",
      "container-registry.cloud.yandex.net", "cr.yandexcloud.kz"};
  const char *end = registry.start + registry.length, *host = registry.start;
  if (registry.length >= sizeof scheme - 1 && memcmp(host, scheme, sizeof scheme - 1) == 0) host += sizeof scheme - 1;
  for (size_t i = 0; i < COUNT(hosts); i += 1) {
    size_t length = strlen(hosts[i]);
    if ((size_t)(end - host) < length || memcmp(host, hosts[i], length) != 0) continue;
    const char *path = host + length;
    if (path == end || (*path == '/' && skip_word(path, end, "./-") == end)) return true;
  }
  return false;
}

/* ---- The request and the output ------------------------------------------------------------------------------- */

static void append_request(struct output *out, int64_t id, const struct call *call) {
  const char *separator = "";
  append(out, "{\"type\":\"iam-token\",\"data\":{\"v\":1,\"id\":");
  append_number(out, id);
  append(out, call->command == prompt_command ? ",\"method\":\"status\"" : ",\"method\":\"token\"");
  append(out, ",\"params\":{");
  if (call->profile.length > 0) {
    append(out, "\"profile\":");
    append_json(out, call->profile);
    separator = ",";
  }
  if (call->options[OPTION_MIN_TTL]) {
    append(out, separator);
    append(out, "\"minTtlMs\":");
    append_number(out, call->min_ttl_ms);
    separator = ",";
  }
  if (call->options[OPTION_IMPERSONATED]) {
    append(out, separator);
    append(out, "\"impersonateServiceAccountId\":");
    append_json(out, text_of(call->options[OPTION_IMPERSONATED]));
  }
  append(out, "}}}\f");
}

/* Without quotes if that is a string in every version of YAML: `formatYamlString`. */
static void append_yaml(struct output *out, struct text text) {
  const char *end = text.start + text.length, *dot = skip_word(text.start, end, "-");
  if (is_letter(*text.start) && end - dot >= 2 && *dot == '.' && skip_word(dot, end, "-.") == end)
    append_bytes(out, text.start, text.length);
  else append_json(out, text);
}

/* `formatIsoSeconds`; fails beyond the year 9999, which has another form. */
static bool append_time(struct output *out, int64_t ms) {
  char text[sizeof "0000-00-00T00:00:00Z"];
  struct tm parts;
  if (ms < 0 || !to_utc((time_t)(ms / 1000), &parts) || parts.tm_year > 9999 - 1900) return false;
  if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) return false;
  append(out, text);
  return true;
}

/* `formatSegment`: `work 3h12m`, `work 3h12m!` while renewal fails, `work login required`. */
static void append_segment(struct output *out, const struct answer *answer) {
  int64_t minutes = answer->time_left_ms / 60000;
  append_bytes(out, answer->profile.start, answer->profile.length);
  append(out, " ");
  if (minutes < 1) {
    for (size_t i = 0; i < answer->state.length; i += 1)
      append_bytes(out, answer->state.start[i] == '_' ? " " : answer->state.start + i, 1);
    return;
  }
  int64_t days = minutes / 1440, hours = minutes / 60 % 24;
  if (days > 0) {
    append_number(out, days);
    append(out, "d");
  }
  if (days > 0 || hours > 0) {
    append_number(out, hours);
    append(out, "h");
  }
  if (days == 0) {
    append_number(out, minutes % 60);
    append(out, "m");
  }
  if (!equals(answer->state, "ok")) append(out, "!");
}

/*
 * The pattern with its placeholders replaced. In JSON: %T token, %E expiry, %P profile, %S subject, %R registry, %O the
 * field of the clock offset. Alone: %t token, %v apiVersion, %x expiry less a minute, %Y token in YAML, %s segment.
 */
static bool append_pattern(struct output *out, const struct call *call, const struct answer *answer) {
  bool is_printable = true;
  for (const char *at = call->pattern; *at != '\0'; at += 1) {
    if (*at != '%') {
      append_bytes(out, at, 1);
      continue;
    }
    switch (*++at) {
      case 'T': append_json(out, answer->token); break;
      case 'E': append_json(out, answer->expires_at); break;
      case 'P': append_json(out, answer->profile); is_printable = answer->profile.is_plain; break;
      case 'S':
        append_json(out, answer->subject);
        is_printable = is_printable && (!answer->subject.start || answer->subject.is_plain);
        break;
      case 'R': append_json(out, call->registry); break;
      case 'O':
        if (!answer->has_clock_offset) break;
        append(out, ",\"clockOffsetMs\":");
        append_number(out, answer->clock_offset_ms);
        break;
      case 't': append_bytes(out, answer->token.start, answer->token.length); break;
      case 'v': append(out, call->api_version); break;
      case 'x': is_printable = append_time(out, answer->expires_at_ms - answer->clock_offset_ms - EXPIRY_MARGIN_MS); break;
      case 'Y': append_yaml(out, answer->token); break;
      default: append_segment(out, answer); is_printable = answer->profile.is_plain; break;
    }
  }
  if (*call->pattern != '\0') append(out, "\n");
  return is_printable && !out->has_overflowed;
}

/* ---- The system: the same functions for Windows and for all others --------------------------------------------- */

static int64_t deadline_ms; /* of `monotonic_ms`, a clock that never jumps */
static int64_t monotonic_ms(void);
static int64_t wall_ms(void);
/* Whether stdin, stdout and stderr are open: a socket must not take the place of one that is not. */
static bool has_standard_streams(void);
/* Whether `argv` has the arguments as they were given. */
static bool has_exact_arguments(void);
static bool has_unknown_variable(void);
/* @returns false if the value is not text or does not fit; `value` is empty if the variable is absent */
static bool read_variable(const char *name, char *value, size_t size);
/* @returns whether docker's input has ended, in time and within the size of `input` */
static bool read_input(void);
/* @param path empty: a default one. @returns whether a daemon that may be trusted listens there */
static bool connect_to_daemon(const char *path);
static bool send_bytes(const char *bytes, size_t length);
/* @returns 0 at the end of the connection, at the deadline and after an error */
static size_t receive_bytes(char *bytes, size_t size);
/* CUT_SHORT: a part was written, and the error has been reported. */
enum write_result { WRITTEN, BROKEN_PIPE, NOT_WRITTEN, CUT_SHORT };
static enum write_result write_output(const char *bytes, size_t length);
static void write_error(const char *text);
/* Becomes the JavaScript client. Returns its exit code if it cannot be replaced by it, -1 if it cannot be started. */
static int run_javascript_client(int argc, char **argv);

/* As `print` does. The JavaScript client would print the whole answer behind the part. */
static void report_cut_output(const char *path, const char *reason) {
  char message[MAX_PATH_BYTES + 256];
  snprintf(message, sizeof message, "iam-token: error: cannot write the output%s%s: %s\n", *path == '\0' ? "" : " ", path,
           reason);
  write_error(message);
}

static int remaining_ms(void) {
  int64_t rest_ms = deadline_ms - monotonic_ms();
  return rest_ms > 0 ? (int)rest_ms : 0;
}

/* Sends one request and receives one frame, alone, into `frame`. @returns its result */
static bool call_daemon(int64_t id, const char *request, size_t request_length, struct text *result) {
  if (!send_bytes(request, request_length)) return false;
  for (size_t length = 0, count; length < sizeof frame; length += count) {
    count = receive_bytes(frame + length, sizeof frame - length);
    if (count == 0) return false;
    const char *end = memchr(frame + length, '\f', count);
    if (!end) continue;
    /* Bytes after the frame may violate the protocol. */
    if (end + 1 != frame + length + count) return false;
    return read_response((struct text){frame, (size_t)(end - frame), true}, id, result);
  }
  return false;
}

#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

extern char **environ;
static int daemon_socket = -1;

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void) { return read_clock(CLOCK_MONOTONIC); }

static int64_t wall_ms(void) { return read_clock(CLOCK_REALTIME); }

static bool has_standard_streams(void) {
  return fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0;
}

static bool has_exact_arguments(void) { return true; }

static bool has_unknown_variable(void) {
  for (char **variable = environ; *variable; variable += 1)
    if (is_unknown_variable((struct text){*variable, strcspn(*variable, "="), true})) return true;
  return false;
}

static bool read_variable(const char *name, char *value, size_t size) {
  const char *found = getenv(name);
  return (size_t)snprintf(value, size, "%s", found ? found : "") < size;
}

/* Whether the descriptor is ready before the deadline. */
static bool wait_for(int descriptor, short events) {
  for (;;) {
    struct pollfd pending = {descriptor, events, 0};
    int count = poll(&pending, 1, remaining_ms());
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

static bool read_input(void) {
  input.was_read = true;
  while (input.length < sizeof input.bytes && wait_for(0, POLLIN)) {
    ssize_t count = read(0, input.bytes + input.length, sizeof input.bytes - input.length);
    if (count > 0) input.length += (size_t)count;
    else if (count == 0) return input.has_ended = true;
    else if (errno != EINTR && errno != EAGAIN) return false;
  }
  return false;
}

/* A socket, by an address that leads to it whatever becomes of its path, and its folder. */
struct socket_location {
  char address[sizeof ((struct sockaddr_un *)0)->sun_path];
  struct stat folder;
};

enum attempt { CONNECTED, NOT_LISTENING, NOT_USABLE };

#ifdef __linux__
/* Opens the folder once, so that check and connection use the same one: `openSocketFolder`. */
static enum attempt open_folder(struct socket_location *location, const char *folder, const char *name) {
  int descriptor = open(folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? NOT_LISTENING : NOT_USABLE;
  int length = snprintf(location->address, sizeof location->address, "/proc/self/fd/%d/%s", descriptor, name);
  bool fits = length > 0 && (size_t)length < sizeof location->address;
  return fits && fstat(descriptor, &location->folder) == 0 ? CONNECTED : NOT_USABLE;
}

static bool has_link(const char *folder) { return (void)folder, false; }
#else
static enum attempt open_folder(struct socket_location *location, const char *folder, const char *name) {
  if (lstat(folder, &location->folder) != 0) return errno == ENOENT ? NOT_LISTENING : NOT_USABLE;
  int length = snprintf(location->address, sizeof location->address, "%s/%s", folder, name);
  return length > 0 && (size_t)length < sizeof location->address ? CONNECTED : NOT_USABLE;
}

/* `findLink`: without O_PATH, an explicit path must lead through no link. */
static bool has_link(const char *folder) {
  char part[MAX_SOCKET_PATH + 1];
  struct stat stats;
  for (size_t length = 1; length <= strlen(folder); length += 1) {
    if (folder[length] != '/' && folder[length] != '\0') continue;
    snprintf(part, sizeof part, "%.*s", (int)length, folder);
    if (lstat(part, &stats) != 0 || S_ISLNK(stats.st_mode)) return true;
  }
  return false;
}
#endif

/* `checkSocketFolder`: open to this user only; of an explicit socket, writable by root and the socket's owner only. */
static bool is_trusted(const struct socket_location *location, bool is_explicit) {
  const struct stat *folder = &location->folder;
  struct stat socket;
  bool has_socket = is_explicit && lstat(location->address, &socket) == 0;
  if (!S_ISDIR(folder->st_mode) || (has_socket && S_ISLNK(socket.st_mode))) return false;
  if (folder->st_uid == getuid() && (folder->st_mode & 077) == 0) return true;
  bool is_own = folder->st_uid == getuid() || folder->st_uid == 0;
  bool is_owner_trusted = is_own || (has_socket && folder->st_uid == socket.st_uid);
  return is_explicit && is_owner_trusted && (folder->st_mode & 022) == 0;
}

/* Not inherited, not blocking, and without SIGPIPE. */
static bool create_socket(void) {
  if (daemon_socket >= 0) close(daemon_socket);
  daemon_socket = socket(AF_UNIX, SOCK_STREAM, 0);
#ifdef SO_NOSIGPIPE
  int on = 1;
  if (setsockopt(daemon_socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) != 0) return false;
#endif
  return fcntl(daemon_socket, F_SETFD, FD_CLOEXEC) == 0 && fcntl(daemon_socket, F_SETFL, O_NONBLOCK) == 0;
}

static enum attempt connect_to(const char *folder, const char *name, bool is_explicit) {
  struct socket_location location;
  enum attempt attempt = open_folder(&location, folder, name);
  if (attempt != CONNECTED) return attempt;
  if (!is_trusted(&location, is_explicit) || (is_explicit && has_link(folder)) || !create_socket()) return NOT_USABLE;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, location.address, sizeof address.sun_path); /* of the same size, with its zero */
  while (connect(daemon_socket, (struct sockaddr *)&address, sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return NOT_LISTENING;
    if (errno != EAGAIN || remaining_ms() == 0) return NOT_USABLE;
    poll(NULL, 0, 5); /* the daemon's queue of connecting clients is full */
  }
  return CONNECTED;
}

/* A plain absolute path without a part that `path.join` would change. */
static bool is_normal_path(const char *path) {
  size_t length = strlen(path);
  if (count_plain(text_of((char *)(uintptr_t)path)) == 0 || path[0] != '/' || path[length - 1] == '/') return false;
  for (const char *part = path; part; part = strchr(part, '/')) {
    size_t part_length = strcspn(++part, "/");
    if (part_length == 0 || (part_length <= 2 && memcmp(part, "..", part_length) == 0)) return false;
  }
  return true;
}

/* @param path ends with the name of a socket */
static enum attempt connect_to_path(const char *path, bool is_explicit) {
  char folder[MAX_SOCKET_PATH + 1];
  if (!is_normal_path(path) || strlen(path) > MAX_SOCKET_PATH) return NOT_USABLE;
  const char *name = strrchr(path, '/') + 1;
  if (name == path + 1) return NOT_USABLE; /* in the root folder */
  snprintf(folder, sizeof folder, "%.*s", (int)(name - path - 1), path);
  return connect_to(folder, name, is_explicit);
}

#ifdef __APPLE__
/* `socketCandidates` */
static bool connect_by_default(void) {
  char home[MAX_SOCKET_PATH + 1], path[MAX_PATH_BYTES];
  if (!read_variable("HOME", home, sizeof home)) return false;
  snprintf(path, sizeof path, "%s/Library/Application Support/iam-tokend/ipc.sock", home);
  return connect_to_path(path, false) == CONNECTED;
}
#else
static bool is_own_folder(const char *path) {
  struct stat stats;
  return stat(path, &stats) == 0 && S_ISDIR(stats.st_mode) && stats.st_uid == getuid();
}

/* `socketCandidates`: in the folder of the environment, in that of systemd, else in /tmp. */
static bool connect_by_default(void) {
  char folders[2][MAX_SOCKET_PATH + 1], path[MAX_PATH_BYTES];
  bool has_folder = false;
  if (!read_variable("XDG_RUNTIME_DIR", folders[0], sizeof folders[0])) return false;
  snprintf(folders[1], sizeof folders[1], "/run/user/%u", (unsigned)getuid());
  if (strcmp(folders[0], folders[1]) == 0) *folders[0] = '\0';
  for (int i = 0; i < 2; i += 1) {
    if (*folders[i] != '/') continue; /* not set, or ignored */
    if (!is_own_folder(folders[i])) continue;
    has_folder = true;
    snprintf(path, sizeof path, "%s/iam-tokend/ipc.sock", folders[i]);
    enum attempt attempt = connect_to_path(path, false);
    if (attempt != NOT_LISTENING) return attempt == CONNECTED;
  }
  snprintf(path, sizeof path, "/tmp/iam-tokend-%u/ipc.sock", (unsigned)getuid());
  return !has_folder && connect_to_path(path, false) == CONNECTED;
}
#endif

static bool connect_to_daemon(const char *path) {
  return *path == '\0' ? connect_by_default() : connect_to_path(path, true) == CONNECTED;
}

static bool send_bytes(const char *bytes, size_t length) {
#ifdef MSG_NOSIGNAL
  int flags = MSG_NOSIGNAL;
#else
  int flags = 0; /* SO_NOSIGPIPE */
#endif
  /* In one piece: a new socket has room for a request. */
  return send(daemon_socket, bytes, length, flags) == (ssize_t)length;
}

static size_t receive_bytes(char *bytes, size_t size) {
  while (wait_for(daemon_socket, POLLIN)) {
    ssize_t count = recv(daemon_socket, bytes, size, 0);
    if (count >= 0) return (size_t)count;
    if (errno != EINTR && errno != EAGAIN) break;
  }
  return 0;
}

/* `describeOutput`: the file that stdout is, as far as the system tells it; else the empty text. */
static void find_output_path(char *path, size_t size) {
  ssize_t length = readlink("/proc/self/fd/1", path, size - 1);
  path[length > 0 ? length : 0] = '\0';
  if (*path != '/' || count_plain(text_of(path)) == 0) *path = '\0';
}

/* `errorReason` */
static const char *describe_error(int error) {
  switch (error) {
    case ENOSPC: return "no space left";
    case EDQUOT: return "the disk quota is exceeded";
    case EFBIG: return "file too large";
    case EIO: return "i/o error";
    default: return strerror(error);
  }
}

static enum write_result write_output(const char *bytes, size_t length) {
  void (*previous)(int) = signal(SIGPIPE, SIG_IGN); /* as Node does */
  signal(SIGXFSZ, SIG_IGN);                         /* as Node does, which sets it by itself */
  size_t written = 0;
  while (written < length) {
    ssize_t count = write(1, bytes + written, length - written);
    if (count >= 0) {
      written += (size_t)count;
    } else if (errno == EAGAIN) {
      struct pollfd reader = {1, POLLOUT, 0};
      poll(&reader, 1, -1); /* a full pipe that does not block: its reader sets the pace */
    } else if (errno != EINTR) {
      int error = errno;
      signal(SIGPIPE, previous);
      if (error == EPIPE || written == 0) return error == EPIPE ? BROKEN_PIPE : NOT_WRITTEN;
      char path[MAX_PATH_BYTES];
      find_output_path(path, sizeof path);
      report_cut_output(path, describe_error(error));
      return CUT_SHORT;
    }
  }
  return WRITTEN;
}

/* Passes on what stdin still has, until it ends or the JavaScript client no longer reads. Has its own process. */
static void forward_input(int pipe_end) {
  static char buffer[4096];
  close(1); /* who waits for the end of the output must not wait for this process */
  close(2);
  for (;;) {
    struct pollfd ends[] = {{0, POLLIN, 0}, {pipe_end, 0, 0}};
    if (poll(ends, COUNT(ends), -1) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    ssize_t count = ends[1].revents == 0 ? read(0, buffer, sizeof buffer) : 0;
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0 || write(pipe_end, buffer, (size_t)count) != count) break;
  }
  _exit(0);
}

/* Makes stdin a pipe that begins with what has been read. */
static bool restore_input(void) {
  int ends[2];
  if (!input.was_read) return true;
  /* A new pipe has room for MAX_REGISTRY + 1 bytes on every system. */
  if (pipe(ends) != 0 || write(ends[1], input.bytes, input.length) != (ssize_t)input.length) return false;
  pid_t child = input.has_ended ? 1 : fork();
  if (child == 0) {
    close(ends[0]);
    forward_input(ends[1]);
  }
  return child > 0 && close(ends[1]) == 0 && dup2(ends[0], 0) == 0 && close(ends[0]) == 0;
}

/* Removes the last part of an absolute path. */
static bool remove_name(char *path) {
  char *slash = strrchr(path, '/');
  if (!slash || slash == path) return false;
  *slash = '\0';
  return true;
}

/* The folder of this program, links resolved. The kernel names it: argv and the working directory are the caller's. */
static bool find_own_folder(char *folder, size_t size) {
#ifdef __APPLE__
  static char path[MAX_PATH_BYTES], resolved[PATH_MAX]; /* realpath requires this size */
  uint32_t path_size = sizeof path;
  if (_NSGetExecutablePath(path, &path_size) != 0 || !realpath(path, resolved)) return false;
  if ((size_t)snprintf(folder, size, "%s", resolved) >= size) return false;
#else
  ssize_t length = readlink("/proc/self/exe", folder, size);
  if (length <= 0 || (size_t)length >= size) return false;
  folder[length] = '\0';
#endif
  return *folder == '/' && remove_name(folder);
}

static bool is_program(const char *path) {
  struct stat stats;
  return stat(path, &stats) == 0 && S_ISREG(stats.st_mode) && access(path, X_OK) == 0;
}

/* Beside this program, for packages with their own Node, else in PATH, as the first line of iam-token.js has it. */
static bool find_node(const char *own_folder, char *node, size_t size) {
  if ((size_t)snprintf(node, size, "%s/node", own_folder) < size && is_program(node)) return true;
  const char *at = getenv("PATH");
  while (at && *at != '\0') {
    size_t length = strcspn(at, ":");
    /* A relative folder depends on the working directory, where another user may have put a program. */
    if (*at == '/' && (size_t)snprintf(node, size, "%.*s/node", (int)length, at) < size && is_program(node)) return true;
    at += length + (at[length] == ':');
  }
  return false;
}

static int run_javascript_client(int argc, char **argv) {
  /* No kernel takes more words: Linux stops at 6 MB for them and their pointers, macOS at 1 MB. */
  static char *words[1 << 20];
  static char folder[MAX_PATH_BYTES], node[MAX_PATH_BYTES], script[MAX_PATH_BYTES], option[] = CLOSED_INSPECTOR;
  if (argc < 1 || (size_t)argc + 3 > COUNT(words)) return -1;
  if (!find_own_folder(folder, sizeof folder) || !find_node(folder, node, sizeof node)) return -1;
  /* From dist/native/TARGET to dist. */
  if (!remove_name(folder) || !remove_name(folder)) return -1;
  if ((size_t)snprintf(script, sizeof script, "%s/bin/iam-token.js", folder) >= sizeof script) return -1;
  if (access(script, R_OK) != 0 || !restore_input()) return -1;
  words[0] = node;
  words[1] = option;
  words[2] = script;
  memcpy(words + 3, argv + 1, (size_t)argc * sizeof *words); /* with the NULL at its end */
  execve(node, words, environ);
  return -1;
}

static void write_error(const char *text) {
  if (write(2, text, strlen(text)) < 0) return; /* stderr is closed, and nothing else is left to tell */
}

/* The folder of the socket has been checked. */
static bool authenticate(int64_t *id) { return (void)id, true; }

#else /* Windows */
#include <windows.h>
#include <bcrypt.h> /* after windows.h, which it requires */
#include <wchar.h>

enum {
  MAX_PIPE_NAME = 256,      /* characters: maxPipeNameCharacters */
  MAX_COMMAND_LINE = 32767, /* characters, as CreateProcess documents it */
  MAX_KEY = 1024,           /* bytes of the key file, more than it has */
  NONCE_BYTES = 32,
  NONCE_LENGTH = 43 /* of 32 bytes in base64url without padding: challengePattern */
};

static HANDLE daemon_pipe = INVALID_HANDLE_VALUE;
static char pipe_name[MAX_PIPE_NAME + 1];

static int64_t monotonic_ms(void) { return (int64_t)GetTickCount64(); }

static int64_t wall_ms(void) {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  /* From units of 100 ns since 1601. */
  return (int64_t)((((uint64_t)now.dwHighDateTime << 32) | now.dwLowDateTime) / 10000) - 11644473600000;
}

static bool is_open(DWORD stream) {
  HANDLE handle = GetStdHandle(stream);
  return handle && handle != INVALID_HANDLE_VALUE;
}

/* The command line after the name of the program, which may be quoted. */
static const wchar_t *find_arguments(void) {
  const wchar_t *at = GetCommandLineW();
  bool is_quoted = *at == L'"';
  if (is_quoted) at += 1;
  while (*at && (is_quoted ? *at != L'"' : *at != L' ' && *at != L'\t')) at += 1;
  return *at == L'"' ? at + 1 : at;
}

/* The C library converts arguments to a code page, which loses characters, and expands * and ?: Node takes these. */
static bool has_exact_arguments(void) {
  for (const wchar_t *at = find_arguments(); *at; at += 1)
    if (*at < 0x20 || *at > 0x7e || wcschr(L"\"*?", *at)) return false;
  return true;
}

static bool has_standard_streams(void) {
  return is_open(STD_INPUT_HANDLE) && is_open(STD_OUTPUT_HANDLE) && is_open(STD_ERROR_HANDLE);
}

/* @returns false for text that is not ASCII, or does not fit */
static bool to_ascii(const wchar_t *wide, size_t length, char *text, size_t size) {
  if (length >= size) return false;
  for (size_t i = 0; i < length; i += 1) {
    if (wide[i] > 0x7e) return false;
    text[i] = (char)wide[i];
  }
  text[length] = '\0';
  return true;
}

static bool has_unknown_variable(void) {
  static const size_t longest = 64; /* a name with our prefix that is longer is unknown too */
  wchar_t *block = GetEnvironmentStringsW();
  bool found = !block;
  for (const wchar_t *variable = block; variable && *variable && !found; variable += wcslen(variable) + 1) {
    char name[64];
    size_t length = wcscspn(variable, L"=");
    found = wcsncmp(variable, L"IAM_TOKEND_", 11) == 0 &&
            (!to_ascii(variable, length, name, longest) || is_unknown_variable(text_of(name)));
  }
  if (block) FreeEnvironmentStringsW(block);
  return found;
}

static bool read_variable(const char *name, char *value, size_t size) {
  static wchar_t wide[MAX_COMMAND_LINE + 1]; /* no variable is longer */
  wchar_t wide_name[64];
  swprintf(wide_name, COUNT(wide_name), L"%hs", name);
  DWORD length = GetEnvironmentVariableW(wide_name, wide, COUNT(wide));
  return length < COUNT(wide) && to_ascii(wide, length, value, size);
}

/* A pipe cannot be read with a deadline: Node reads docker's input. */
static bool read_input(void) { return false; }

/* `checkSocketPath`, for \\.\pipe\NAME. */
static bool is_pipe(const char *path) {
  static const char prefix[] = "\\\\.\\pipe\\";
  return strncmp(path, prefix, sizeof prefix - 1) == 0 && path[sizeof prefix - 1] != '\0' &&
         path[sizeof prefix - 1] != '\\' && strlen(path) <= MAX_PIPE_NAME && count_plain(text_of((char *)path)) > 0;
}

static bool connect_to_daemon(const char *path) {
  char user[MAX_PIPE_NAME + 1] = "";
  wchar_t wide[MAX_PIPE_NAME + 1], wide_path[MAX_PIPE_NAME + 1];
  DWORD size = COUNT(wide);
  if (*path == '\0' && (!GetUserNameW(wide, &size) || !to_ascii(wide, wcslen(wide), user, sizeof user))) return false;
  for (char *at = user; *at != '\0'; at += 1)
    if (is_one_of(*at, "\\/")) *at = '_';
  int length = *path == '\0' ? snprintf(pipe_name, sizeof pipe_name, "\\\\.\\pipe\\iam-tokend-%s", user)
                             : snprintf(pipe_name, sizeof pipe_name, "%s", path);
  if (length < 0 || (size_t)length >= sizeof pipe_name || !is_pipe(pipe_name)) return false;
  swprintf(wide_path, COUNT(wide_path), L"%hs", pipe_name);
  /* The server of the pipe learns nothing by impersonation: it may be another user's. */
  daemon_pipe = CreateFileW(wide_path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
  return daemon_pipe != INVALID_HANDLE_VALUE;
}

/* The bytes that a read or a write has moved before the deadline; 0 if it has failed. */
static size_t finish(BOOL has_started, OVERLAPPED *operation) {
  DWORD count = 0;
  bool is_running = has_started || GetLastError() == ERROR_IO_PENDING;
  if (is_running && WaitForSingleObject(operation->hEvent, (DWORD)remaining_ms()) != WAIT_OBJECT_0)
    CancelIoEx(daemon_pipe, operation);
  /* Waits for the end of the cancellation: the buffer is the system's until then. */
  if (is_running && !GetOverlappedResult(daemon_pipe, operation, &count, TRUE)) count = 0;
  CloseHandle(operation->hEvent);
  return count;
}

static bool send_bytes(const char *bytes, size_t length) {
  OVERLAPPED operation = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
  return operation.hEvent && finish(WriteFile(daemon_pipe, bytes, (DWORD)length, NULL, &operation), &operation) == length;
}

static size_t receive_bytes(char *bytes, size_t size) {
  OVERLAPPED operation = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
  return operation.hEvent ? finish(ReadFile(daemon_pipe, bytes, (DWORD)size, NULL, &operation), &operation) : 0;
}

static void encode_base64url(const unsigned char bytes[NONCE_BYTES], char text[NONCE_LENGTH + 1]) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (size_t i = 0; i < NONCE_LENGTH; i += 1) {
    size_t bit = 6 * i;
    unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < NONCE_BYTES ? bytes[bit / 8 + 1] : 0);
    text[i] = alphabet[pair >> (10 - bit % 8) & 63];
  }
  text[NONCE_LENGTH] = '\0';
}

/* `pipeKeyPath`. @returns the length of the key; 0 if it cannot be read */
static DWORD read_key_file(unsigned char key[MAX_KEY]) {
  wchar_t path[MAX_PATH_BYTES];
  DWORD length = GetEnvironmentVariableW(L"LOCALAPPDATA", path, MAX_PATH_BYTES / 2), count = 0;
  if (length < 3 || length >= MAX_PATH_BYTES / 2 || path[1] != L':' || path[2] != L'\\') return 0;
  wcscat(path, L"\\iam-tokend\\pipe.key"); /* in the other half */
  HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                            OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return 0;
  if (GetFileType(file) != FILE_TYPE_DISK || !ReadFile(file, key, MAX_KEY, &count, NULL)) count = 0;
  CloseHandle(file);
  return count < MAX_KEY ? count : 0;
}

/* `computeProof` */
static bool compute_proof(const char *side, const char *client_nonce, const char *daemon_nonce, char proof[NONCE_LENGTH + 1]) {
  static unsigned char key[MAX_KEY];
  char message[512]; /* five lines of at most 256 characters, and two nonces */
  unsigned char digest[NONCE_BYTES];
  BCRYPT_ALG_HANDLE algorithm;
  DWORD key_length = read_key_file(key);
  int length = snprintf(message, sizeof message, "iam-tokend 1\n%s\n%s\n%s\n%s", side, client_nonce, daemon_nonce,
                        pipe_name + sizeof "\\\\.\\pipe\\" - 1);
  if (key_length == 0 || length < 0 || (size_t)length >= sizeof message) return false;
  for (char *at = message + length; *--at != '\n';) /* the name of the pipe */
    if (*at >= 'A' && *at <= 'Z') *at |= 0x20;
  if (BCryptOpenAlgorithmProvider(&algorithm, BCRYPT_SHA256_ALGORITHM, NULL, BCRYPT_ALG_HANDLE_HMAC_FLAG) != 0) return false;
  NTSTATUS status = BCryptHash(algorithm, key, key_length, (PUCHAR)message, (ULONG)length, digest, sizeof digest);
  BCryptCloseAlgorithmProvider(algorithm, 0);
  encode_base64url(digest, proof);
  return status == 0;
}

/* One call of `hello`, with a field; the answer is in `frame`. */
static bool say_hello(int64_t id, const char *name, const char *value, struct field hello[4]) {
  static const struct field fields[4] = {{.name = "version", .kinds = JSON_STRING},
                                         {.name = "protocol", .kinds = JSON_INTEGER},
                                         {.name = "nonce", .kinds = JSON_STRING | JSON_ABSENT},
                                         {.name = "proof", .kinds = JSON_STRING | JSON_ABSENT}};
  struct text result;
  int length = snprintf(request_bytes, sizeof request_bytes,
                        "{\"type\":\"iam-token\",\"data\":{\"v\":1,\"id\":%d,\"method\":\"hello\",\"params\":{\"%s\":\"%s\"}}}\f",
                        (int)id, name, value);
  memcpy(hello, fields, sizeof fields);
  return call_daemon(id, request_bytes, (size_t)length, &result) && read_object(result, hello, 4);
}

static bool is_challenge_value(struct text value) {
  return value.length == NONCE_LENGTH &&
         skip_word(value.start, value.start + value.length, "-") == value.start + value.length;
}

/* `authenticatePipe`: another user may have created a pipe of this name. Both sides prove that they can read a key. */
static bool authenticate(int64_t *id) {
  unsigned char random[NONCE_BYTES];
  char nonce[NONCE_LENGTH + 1], daemon_nonce[NONCE_LENGTH + 1], proof[NONCE_LENGTH + 1];
  struct field hello[4];
  if (BCryptGenRandom(NULL, random, sizeof random, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0) return false;
  encode_base64url(random, nonce);
  if (!say_hello((*id)++, "nonce", nonce, hello)) return false;
  if (!is_challenge_value(hello[2].text) || !is_challenge_value(hello[3].text)) return false;
  snprintf(daemon_nonce, sizeof daemon_nonce, "%.*s", NONCE_LENGTH, hello[2].text.start);
  if (!compute_proof("daemon", nonce, daemon_nonce, proof)) return false;
  unsigned difference = 0; /* compared in constant time */
  for (size_t i = 0; i < NONCE_LENGTH; i += 1) difference |= (unsigned char)(proof[i] ^ hello[3].text.start[i]);
  if (difference != 0 || !compute_proof("client", nonce, daemon_nonce, proof)) return false;
  return say_hello((*id)++, "proof", proof, hello);
}

static enum write_result write_output(const char *bytes, size_t length) {
  size_t written = 0;
  while (written < length) {
    DWORD count;
    if (WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes + written, (DWORD)(length - written), &count, NULL)) {
      written += count;
      continue;
    }
    DWORD error = GetLastError();
    if (error == ERROR_BROKEN_PIPE || error == ERROR_NO_DATA) return BROKEN_PIPE;
    if (written == 0) return NOT_WRITTEN;
    char reason[32];
    snprintf(reason, sizeof reason, "error %lu of Windows", (unsigned long)error);
    report_cut_output("", error == ERROR_DISK_FULL || error == ERROR_HANDLE_DISK_FULL ? "no space left" : reason);
    return CUT_SHORT;
  }
  return WRITTEN;
}

static void write_error(const char *text) {
  DWORD count;
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &count, NULL);
}

static bool is_program(const wchar_t *path) {
  DWORD attributes = GetFileAttributesW(path);
  return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* As on other systems: beside this program, else in an absolute folder of PATH, never in the working directory. */
static bool find_node(const wchar_t *own_folder, wchar_t *node, size_t size) {
  static wchar_t path[MAX_COMMAND_LINE + 1];
  if (swprintf(node, size, L"%ls\\node.exe", own_folder) > 0 && is_program(node)) return true;
  if (GetEnvironmentVariableW(L"PATH", path, COUNT(path)) >= COUNT(path)) return false;
  for (const wchar_t *at = path; *at;) {
    size_t length = wcscspn(at, L";");
    bool is_absolute = length > 2 && ((at[1] == L':' && (at[2] == L'\\' || at[2] == L'/')) || wcsncmp(at, L"\\\\", 2) == 0);
    if (is_absolute && swprintf(node, size, L"%.*ls\\node.exe", (int)length, at) > 0 && is_program(node)) return true;
    at += length + (at[length] == L';');
  }
  return false;
}

static bool remove_name(wchar_t *path) {
  wchar_t *slash = wcsrchr(path, L'\\');
  if (!slash) return false;
  *slash = L'\0';
  return true;
}

/* Ctrl-C is for the JavaScript client, whose exit code this process returns. */
static BOOL WINAPI ignore_signal(DWORD signal) { return signal == CTRL_C_EVENT || signal == CTRL_BREAK_EVENT; }

/* Windows cannot replace a program, so this one waits. The client ends with it, the programs of the client do not. */
static int wait_for_client(PROCESS_INFORMATION client) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
  HANDLE job = CreateJobObjectW(NULL, NULL);
  DWORD exit_code = 1;
  if (job && SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
    AssignProcessToJobObject(job, client.hProcess);
  ResumeThread(client.hThread);
  WaitForSingleObject(client.hProcess, INFINITE);
  GetExitCodeProcess(client.hProcess, &exit_code);
  return (int)(exit_code & INT32_MAX);
}

static int run_javascript_client(int argc, char **argv) {
  static wchar_t folder[MAX_PATH_BYTES], node[MAX_PATH_BYTES], line[MAX_COMMAND_LINE + 1];
  (void)argc, (void)argv; /* not all characters; the command line has them */
  STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES,
                          .hStdInput = GetStdHandle(STD_INPUT_HANDLE), .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE),
                          .hStdError = GetStdHandle(STD_ERROR_HANDLE)};
  PROCESS_INFORMATION client;
  DWORD length = GetModuleFileNameW(NULL, folder, COUNT(folder));
  if (length == 0 || length >= COUNT(folder) || !remove_name(folder)) return -1;
  if (!find_node(folder, node, COUNT(node))) return -1;
  /* From dist\native\TARGET to dist. A path on Windows contains no quote. */
  if (!remove_name(folder) || !remove_name(folder)) return -1;
  if (swprintf(line, COUNT(line), L"\"%ls\" " CLOSED_INSPECTOR L" \"%ls\\bin\\iam-token.js\"%ls", node, folder,
               find_arguments()) < 0)
    return -1;
  SetConsoleCtrlHandler(ignore_signal, TRUE);
  if (!CreateProcessW(node, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &startup, &client)) return -1;
  return wait_for_client(client);
}
#endif

/* ---- From the command line to the exit code --------------------------------------------------------------------- */

/* The profile: of the option, else of the environment. */
static bool select_profile(struct call *call) {
  static char name[4 * MAX_PROFILE + 1]; /* at most four bytes for each character */
  if (call->options[OPTION_PROFILE]) {
    call->profile = text_of(call->options[OPTION_PROFILE]);
    return true;
  }
  if (!read_variable("IAM_TOKEND_PROFILE", name, sizeof name)) return false;
  call->profile = text_of(name);
  return *name == '\0' || is_profile_name(call->profile);
}

/* What a command reads before it asks the daemon. */
static bool prepare(struct call *call) {
  if (call->command == docker_command) {
    if (!read_input()) return false;
    call->registry = trim(input.bytes, input.length);
    return is_vendor_registry(call->registry);
  }
  if (call->command == kubernetes_command) {
    if (!read_variable("KUBERNETES_EXEC_INFO", frame, sizeof frame)) return false;
    call->api_version = read_exec_info(text_of(frame));
    return call->api_version;
  }
  return true;
}

static bool request_answer(int64_t id, const struct call *call, struct answer *answer) {
  struct output request = {request_bytes, request_bytes, request_bytes + sizeof request_bytes, false};
  struct text result;
  append_request(&request, id, call);
  if (request.has_overflowed) return false;
  if (!call_daemon(id, request.start, (size_t)(request.at - request.start), &result)) return false;
  if (call->command == prompt_command) return read_status_result(result, answer, call->profile.length > 0);
  return read_token_result(result, answer);
}

/* Whether the token is shorter-lived than --min-ttl, which the JavaScript client may note: `noteShortLifetime`. */
static bool is_short_lived(const struct call *call, const struct answer *answer) {
  if (call->command != token_command || !call->has_arguments) return false;
  return answer->expires_at_ms - answer->clock_offset_ms - wall_ms() < call->min_ttl_ms;
}

/* A prompt shows nothing of a daemon that does not answer, and waits for it once: `runPrompt`. */
static bool is_late_prompt(const struct call *call) {
  return call->command == prompt_command && call->timeout_ms <= FAST_MS && remaining_ms() == 0;
}

/* @returns the exit code; -1 if the JavaScript client must do it */
static int run(int argc, char **argv) {
  struct call call = {0};
  struct answer answer = {0};
  struct output out = {output_bytes, output_bytes, output_bytes + sizeof output_bytes, false};
  char variable[MAX_SOCKET_PATH + 1];
  int64_t id = 1;
  if (!has_standard_streams() || !has_exact_arguments() || has_unknown_variable() || !parse_command_line(&call, argc, argv)) return -1;
  deadline_ms = monotonic_ms() + (call.timeout_ms < FAST_MS ? call.timeout_ms : FAST_MS);
  if (!select_profile(&call) || !read_variable("IAM_TOKEND_SOCKET", variable, sizeof variable)) return -1;
  if (!prepare(&call)) return -1;
  if (!connect_to_daemon(call.options[OPTION_SOCKET] ? call.options[OPTION_SOCKET] : variable) || !authenticate(&id) ||
      !request_answer(id, &call, &answer))
    return is_late_prompt(&call) ? 0 : -1;
  if (call.command == prompt_command && !answer.state.start) return 0; /* no such profile: no segment */
  if (is_short_lived(&call, &answer) || !append_pattern(&out, &call, &answer)) return -1;
  enum write_result result = write_output(out.start, (size_t)(out.at - out.start));
  switch (result) {
    case WRITTEN: return 0;
    case BROKEN_PIPE: return EXIT_BROKEN_PIPE;
    case CUT_SHORT: return 1;
    default: return -1;
  }
}

int main(int argc, char **argv) {
  int exit_code = run(argc, argv);
  if (exit_code < 0) exit_code = run_javascript_client(argc, argv);
  if (exit_code >= 0) return exit_code;
  write_error("iam-token: error: cannot run the JavaScript client, which handles this call\n"
              "iam-token: hint: put Node 20.19 or later in PATH; if it is there, install iam-tokend again\n");
  return 1;
}
