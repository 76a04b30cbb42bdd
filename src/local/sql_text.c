/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql_text.h"

#include <string.h>
#include <strings.h>

enum token_kind { TOKEN_END, TOKEN_BLANK, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SIGN, TOKEN_OPEN };

struct token {
    enum token_kind kind;
    size_t length;
};

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || (unsigned char)byte >= 0x80;
}

static bool is_blank_byte(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A quoted text from its opening quote on; a doubled quote, or an escaped one, does not end it. */
static struct token quoted(const char *at, size_t begin, bool escapes)
{
    char quote = at[begin];
    size_t length = begin + 1;
    while (at[length] != '\0') {
        bool escaped = (escapes && at[length] == '\\' && at[length + 1] != '\0') ||
                       (at[length] == quote && at[length + 1] == quote);
        if (at[length] == quote && !escaped) {
            return (struct token){TOKEN_QUOTED, length + 1};
        }
        length += escaped ? 2 : 1;
    }
    return (struct token){TOKEN_OPEN, length};
}

static struct token block_comment(const char *at)
{
    size_t depth = 1;
    size_t length = 2;
    while (at[length] != '\0' && depth > 0) {
        bool opens = at[length] == '/' && at[length + 1] == '*';
        bool closes = at[length] == '*' && at[length + 1] == '/';
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        length += opens || closes ? 2 : 1;
    }
    return (struct token){depth == 0 ? TOKEN_BLANK : TOKEN_OPEN, length};
}

/* $$...$$ or $tag$...$tag$; a lone dollar (a parameter) is a sign. */
static struct token dollar(const char *at)
{
    size_t tag = 1;
    while (is_word_byte(at[tag])) {
        tag++;
    }
    if (at[tag] != '$' || (at[1] >= '0' && at[1] <= '9')) {
        return (struct token){TOKEN_SIGN, 1};
    }
    tag++;
    for (size_t length = tag; at[length] != '\0'; length++) {
        if (strncmp(at + length, at, tag) == 0) {
            return (struct token){TOKEN_QUOTED, length + tag};
        }
    }
    return (struct token){TOKEN_OPEN, strlen(at)};
}

static struct token word(const char *at)
{
    size_t length = 0;
    while (is_word_byte(at[length]) || (length > 0 && at[length] == '$')) {
        length++;
    }
    bool escapes = length == 1 && (at[0] == 'e' || at[0] == 'E') && at[1] == '\'';
    return escapes ? quoted(at, 1, true) : (struct token){TOKEN_WORD, length};
}

static struct token next_token(const char *at)
{
    size_t length = 0;
    if (at[0] == '\0') {
        return (struct token){TOKEN_END, 0};
    }
    if (is_blank_byte(at[0])) {
        while (is_blank_byte(at[length])) {
            length++;
        }
        return (struct token){TOKEN_BLANK, length};
    }
    if (at[0] == '-' && at[1] == '-') {
        return (struct token){TOKEN_BLANK, strcspn(at, "\n")};
    }
    if (at[0] == '/' && at[1] == '*') {
        return block_comment(at);
    }
    if (at[0] == '\'' || at[0] == '"') {
        return quoted(at, 0, false);
    }
    if (at[0] == '$') {
        return dollar(at);
    }
    return is_word_byte(at[0]) ? word(at) : (struct token){TOKEN_SIGN, 1};
}

size_t sql_statement_length(const char *text, bool *complete)
{
    const char *at = text;
    struct token token = next_token(at);
    *complete = false;
    while (token.kind != TOKEN_END && !*complete) {
        *complete = token.kind == TOKEN_SIGN && at[0] == ';';
        at += token.length;
        token = next_token(at);
    }
    return (size_t)(at - text);
}

bool sql_is_blank(const char *text, size_t length)
{
    const char *at = text;
    struct token token = next_token(at);
    while (at < text + length && (token.kind == TOKEN_BLANK || at[0] == ';')) {
        at += token.length;
        token = next_token(at);
    }
    return at >= text + length;
}

static bool is_word(const char *at, struct token token, const char *wanted)
{
    return token.kind == TOKEN_WORD && token.length == strlen(wanted) &&
           strncasecmp(at, wanted, token.length) == 0;
}

/* Whether ":=" follows, blanks before it left aside. */
static bool names_parameter(const char *at)
{
    struct token token = next_token(at);
    while (token.kind == TOKEN_BLANK) {
        at += token.length;
        token = next_token(at);
    }
    return at[0] == ':' && at[1] == '=';
}

void sql_add_statement(struct text *target, const char *statement, size_t length)
{
    const char *end = statement + length;
    const char *at = statement;
    while (at < end) {
        struct token token = next_token(at);
        bool reserved = (is_word(at, token, "from") || is_word(at, token, "to")) &&
                        names_parameter(at + token.length);
        bool is_end = token.kind == TOKEN_SIGN && at[0] == ';';
        text_add(target, reserved ? "\"" : "");
        text_append(target, at, is_end ? 0 : token.length);
        text_add(target, reserved ? "\"" : "");
        at += token.length;
    }
}

bool sql_has_word(const char *text, const char *wanted)
{
    const char *at = text;
    struct token token = next_token(at);
    while (token.kind != TOKEN_END) {
        bool plain = is_word(at, token, wanted);
        bool in_quotes = token.kind == TOKEN_QUOTED && at[0] == '"' &&
                         token.length == strlen(wanted) + 2 &&
                         strncasecmp(at + 1, wanted, token.length - 2) == 0;
        if (plain || in_quotes) {
            return true;
        }
        at += token.length;
        token = next_token(at);
    }
    return false;
}
