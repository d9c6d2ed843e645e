//! A text for people as a code and its arguments, so that a program can say it in another language
//! without reading the English text. The translations are not here: the web page has its own.

use std::borrow::Cow;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// The code of [`list`].
const LIST: &str = "list";
/// The code of a list whose last argument says how many more there are.
const LIST_AND_MORE: &str = "list_and_more";

/// How many items a list names before it only counts the others.
const NAMED: usize = 5;

/// A text as its code and arguments. A code's meaning and the order of its arguments never change; a
/// changed sentence gets a new code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which sentence it is.
    pub code: Cow<'static, str>,
    /// What is filled into the sentence, in order.
    pub args: Vec<MessageArgument>,
}

/// Something that is filled into a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MessageArgument {
    /// A name, a number, or words of somebody else's, such as BIRD's: shown as it is.
    Text(String),
    /// A part of the sentence with a code of its own.
    Message(Message),
}

/// An English text and, where it has one, its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodedText {
    /// In English.
    pub text: String,
    /// For other languages.
    pub message: Option<Message>,
}

impl CodedText {
    pub(crate) fn new(code: &'static str, text: String, args: Vec<MessageArgument>) -> Self {
        let code = Cow::Borrowed(code);
        Self {
            text,
            message: Some(Message { code, args }),
        }
    }
}

impl Display for CodedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for CodedText {
    fn from(text: String) -> Self {
        Self { text, message: None }
    }
}

impl From<&str> for CodedText {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// What can be an argument of [`coded!`].
pub(crate) trait ToArgument {
    fn argument(&self) -> MessageArgument;
}

impl ToArgument for CodedText {
    fn argument(&self) -> MessageArgument {
        match &self.message {
            Some(message) => MessageArgument::Message(message.clone()),
            None => MessageArgument::Text(self.text.clone()),
        }
    }
}

impl<T: ToArgument + ?Sized> ToArgument for &T {
    fn argument(&self) -> MessageArgument {
        (**self).argument()
    }
}

macro_rules! argument_as_displayed {
    ($($kind:ty),* $(,)?) => {
        $(impl ToArgument for $kind {
            fn argument(&self) -> MessageArgument {
                MessageArgument::Text(self.to_string())
            }
        })*
    };
}

argument_as_displayed!(
    str,
    String,
    i64,
    u32,
    u64,
    usize,
    std::path::Display<'_>,
    ipnet::IpNet
);

/// A [`CodedText`]: its code, its English text, and the variables in it in the order of its arguments.
macro_rules! coded {
    ($code:literal, $text:literal $(, $argument:ident)* $(,)?) => {
        $crate::model::message::CodedText::new(
            $code,
            format!($text),
            vec![$($crate::model::message::ToArgument::argument(&$argument)),*],
        )
    };
}
pub(crate) use coded;

/// "a, b and 3 more", of plain names or of texts that have codes themselves.
pub(crate) fn list<T: Display + ToArgument>(all: &[T]) -> CodedText {
    let named = &all[..all.len().min(NAMED)];
    let texts: Vec<String> = named.iter().map(T::to_string).collect();
    let mut args: Vec<MessageArgument> = named.iter().map(T::argument).collect();
    match all.len().saturating_sub(NAMED) {
        0 => CodedText::new(LIST, texts.join(", "), args),
        more => {
            args.push(more.argument());
            CodedText::new(
                LIST_AND_MORE,
                format!("{} and {more} more", texts.join(", ")),
                args,
            )
        }
    }
}

/// "a, b": all of them.
pub(crate) fn full_list(all: &[CodedText]) -> CodedText {
    let texts: Vec<&str> = all.iter().map(|item| item.text.as_str()).collect();
    CodedText::new(
        LIST,
        texts.join(", "),
        all.iter().map(CodedText::argument).collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// The code and the number of arguments of every `coded!` below a directory.
    fn codes(dir: &Path, found: &mut BTreeMap<String, usize>) {
        for entry in std::fs::read_dir(dir).expect("a directory of the sources") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                codes(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a readable source");
                let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                for call in text.split("coded!(").skip(1) {
                    let Some(call) = call.trim_start().strip_prefix('"') else {
                        continue;
                    };
                    let (code, rest) = call.split_once('"').expect("the end of a code");
                    let text = rest.split_once('"').expect("a text").1.replace("\\\"", "");
                    let args = text.split_once('"').expect("the end of a text").1;
                    let args = args.split_once(')').expect("the end of a call").0;
                    let count = args.split(',').filter(|arg| !arg.trim().is_empty()).count();
                    let known = *found.entry(code.to_owned()).or_insert(count);
                    assert_eq!(
                        known,
                        count,
                        "{}: {code} has other arguments elsewhere",
                        path.display()
                    );
                }
            }
        }
    }

    #[test]
    fn every_code_has_chinese_words_that_use_each_of_its_arguments() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = BTreeMap::new();
        codes(&root, &mut found);
        assert!(found.len() > 100, "the codes were not found");
        let page = std::fs::read_to_string(root.join("page/messages.js")).expect("the page's messages");
        let mut wrong = Vec::new();
        for (code, count) in &found {
            let key = format!("{code}: \"");
            let at = page
                .match_indices(&key)
                .find(|(at, _)| page[..*at].ends_with(' '));
            let Some(words) = at.and_then(|(at, _)| page[at + key.len()..].split('"').next()) else {
                wrong.push(format!("{code} has no Chinese words"));
                continue;
            };
            for argument in 0..*count {
                if !words.contains(&format!("{{{argument}}}")) && !words.contains(&format!("{{{argument}|")) {
                    wrong.push(format!("{code} does not use its argument {argument}: {words}"));
                }
            }
            if words.contains(&format!("{{{count}}}")) {
                wrong.push(format!("{code} has only {count} arguments: {words}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_coded_text_has_its_arguments_in_the_order_given() {
        let (name, state) = ("isp", "Idle".to_owned());
        let said = coded!("upstream_is", "{name} is {state}", name, state);
        assert_eq!(said.text, "isp is Idle");
        let json = serde_json::to_value(&said.message).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"code": "upstream_is", "args": ["isp", "Idle"]})
        );
    }

    #[test]
    fn an_argument_can_be_a_message_and_comes_back_from_json_as_one() {
        let names: Vec<String> = (0..7).map(|number| format!("p{number}")).collect();
        let all = list(&names);
        let said = coded!("probes_run", "{all} can run", all);
        assert_eq!(said.text, "p0, p1, p2, p3, p4 and 2 more can run");
        let json = serde_json::to_string(&said.message).unwrap();
        assert_eq!(
            serde_json::from_str::<Option<Message>>(&json).unwrap(),
            said.message
        );
        assert!(json.contains(r#"{"code":"list_and_more","args":["p0","p1","p2","p3","p4","2"]}"#));
    }
}
