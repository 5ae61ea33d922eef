//! The numbers of all faults: one row each, never used twice, never given to another fault.
//!
//! | range | stage |
//! |---|---|
//! | 1xx | syntax of a query |
//! | 2xx | names: fields and functions |
//! | 3xx | types |
//! | 4xx | sequences and samples |
//! | 5xx | rule files |
//! | 6xx | configuration |

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The number shown as `E101`.
    pub number: u16,
    /// The name of the constant.
    pub name: &'static str,
    /// What the fault is; the text of its page.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: u16 = $number;)+

        /// Every code, in order of its number.
        pub const TABLE: &[Code] = &[
            $(Code { number: $number, name: stringify!($name), explanation: concat!($($doc, "\n"),+) }),+
        ];
    };
}

codes! {
    /// A character that begins no word of the language.
    UNEXPECTED_CHARACTER = 101;
    /// A string that does not end on its line.
    UNTERMINATED_STRING = 102;
    /// A string in a form that the language once had: `'…'`, `?'…'`, `?"…"`.
    OLD_STRING = 103;
    /// A `\` in a string followed by something that is no escape.
    BAD_ESCAPE = 104;
    /// A `/*` without its `*/`.
    UNTERMINATED_COMMENT = 105;
    /// A backquoted name that is empty or does not end.
    BAD_BACKQUOTES = 106;
    /// Something else was expected here.
    UNEXPECTED = 107;
    /// A single `=`, which compares nothing.
    SINGLE_EQUALS = 108;
    /// `a < b < c`: comparisons do not chain.
    CHAINED_COMPARISON = 109;
    /// `in ()` and the like: a list has at least one element.
    EMPTY_LIST = 110;
    /// `x not : "y"`: only `in` takes `not` before it.
    MISPLACED_NOT = 111;
    /// The right side of `:`, `like` or `regex` is no string literal.
    PATTERN_NOT_LITERAL = 112;
    /// `a[0]`: the values of a field have no order, so none can be asked for by its index.
    ARRAY_INDEX = 113;
    /// The event category is an identifier or a string, without backquotes and without `?`.
    BAD_CATEGORY = 114;
    /// `child of`, `descendant of`, `event of` are not part of the language.
    PROCESS_RELATIONSHIP = 115;
    /// `join` is not part of the language.
    JOIN = 116;
    /// A pipe other than `head` and `tail`.
    UNKNOWN_PIPE = 117;
    /// `head` and `tail` take one whole number that is known beforehand.
    PIPE_ARGUMENT = 118;
    /// More levels of nesting than are read.
    TOO_DEEP = 119;
    /// A longer query than is read.
    TOO_LONG = 120;
    /// `x:length()`: functions are called as `length(x)`.
    METHOD_SYNTAX = 121;

    /// No field of this name.
    UNKNOWN_FIELD = 201;
    /// No function of this name.
    UNKNOWN_FUNCTION = 202;
    /// A field whose type conditions cannot use.
    UNUSABLE_FIELD = 203;
    /// A condition on the event category, where the events have no category field.
    NO_CATEGORY_FIELD = 204;
    /// `~` after a function that has no form without regard to case.
    NO_INSENSITIVE_FORM = 205;

    /// A condition that is neither true nor false.
    NOT_BOOLEAN = 301;
    /// Too few or too many arguments.
    ARGUMENT_COUNT = 302;
    /// An argument or operand of the wrong type.
    WRONG_TYPE = 303;
    /// A list of `in` whose elements are not of the type of what is looked for.
    MIXED_LIST = 304;
    /// Two fields compared with one another.
    FIELD_TO_FIELD = 305;
    /// A field where a constant must stand.
    NOT_CONSTANT = 306;
    /// A regular expression that does not parse or is too large.
    BAD_REGEX = 307;
    /// A network that is not of the form address/bits.
    BAD_NETWORK = 308;
    /// A comparison that can never be true (a warning).
    NEVER_TRUE = 309;

    /// A sequence or sample of fewer than two items.
    TOO_FEW_ITEMS = 401;
    /// `by` after `with`.
    BY_AFTER_WITH = 402;
    /// A `maxspan` that is no whole number above zero with a unit.
    BAD_MAXSPAN = 403;
    /// A `runs` outside 1 to 100.
    BAD_RUNS = 404;
    /// An option that sequences do not have.
    UNKNOWN_OPTION = 405;
    /// Items with different numbers of join keys.
    KEY_COUNT = 406;
    /// Join keys of different types at one position.
    KEY_TYPES = 407;
    /// A join key that is no plain field.
    KEY_NOT_FIELD = 408;
    /// A missing event `![…]` without `maxspan`.
    MISSING_WITHOUT_MAXSPAN = 409;
    /// A sequence of nothing but missing events.
    ONLY_MISSING = 410;
    /// A clause that samples do not have.
    SAMPLE_CLAUSE = 411;
    /// A sample without join keys.
    SAMPLE_WITHOUT_KEYS = 412;

    /// A rule file that cannot be read, or is too large.
    RULE_UNREADABLE = 501;
    /// A rule file that is no TOML.
    RULE_NOT_TOML = 502;
    /// A value of another type than its key asks for.
    RULE_WRONG_TYPE = 503;
    /// A key that a rule must have.
    RULE_MISSING_KEY = 504;
    /// A key that nobody reads (a warning).
    RULE_UNKNOWN_KEY = 505;
    /// A value that its key cannot have.
    RULE_BAD_VALUE = 506;
    /// A key that means something to Kibana and nothing here (a warning).
    RULE_KEY_WITHOUT_EFFECT = 507;
    /// A second rule with the same `rule_id`.
    RULE_SAME_UUID = 508;
    /// Rules that share a `rule.id` (a warning).
    RULE_SAME_ID = 509;
    /// A directory that is deeper, or holds more files, than is looked at.
    RULE_DIRECTORY_TOO_LARGE = 510;
    /// A rule that can match no event of this host (a warning).
    RULE_NEVER_MATCHES = 511;
    /// `$name` in a condition, where no list has this name.
    RULE_UNKNOWN_LIST = 512;
    /// An override or exception for a rule that is not loaded (a warning).
    RULE_NOT_LOADED = 513;
    /// An exception whose day is over (a warning).
    EXCEPTION_EXPIRED = 514;
    /// An exception that rests only on what an attacker chooses (a warning).
    EXCEPTION_WEAK = 515;
    /// An exception that would silence what the rule's own test must find.
    EXCEPTION_SILENCES = 516;
    /// A pipe in a rule's query, which has no effect on events that have no end (a warning).
    RULE_PIPE = 517;

    /// A configuration file that cannot be read, or is too large.
    CONFIG_UNREADABLE = 601;
    /// A configuration file that is no TOML.
    CONFIG_NOT_TOML = 602;
    /// A value of another type than its setting asks for.
    CONFIG_WRONG_TYPE = 603;
    /// A setting that its table cannot do without.
    CONFIG_MISSING_KEY = 604;
    /// A setting that does not exist.
    CONFIG_UNKNOWN_KEY = 605;
    /// A value that its setting cannot have.
    CONFIG_BAD_VALUE = 606;
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn numbers_ascend_and_every_row_is_explained() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].number < pair[1].number, "{} and {}", pair[0].name, pair[1].name);
        }
        assert!(TABLE.iter().all(|code| !code.explanation.trim().is_empty()));
    }
}
