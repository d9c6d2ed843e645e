//! Whole numbers, and yes or no.

use std::ops::RangeInclusive;

use serde_json::json;
use toml::de::DeValue;

use crate::config::key_docs::ValueSchema;
use crate::config::value::value_type::{ValueContext, ValueError, ValueType, wrong_type};

/// `true` or `false`.
pub(crate) struct Flag;

impl ValueType for Flag {
    type Value = bool;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> bool {
        let flag = value.as_bool();
        if flag.is_none() {
            let unquoted = value.as_str().filter(|text| matches!(*text, "true" | "false"));
            let complaint = wrong_type("true or false", value);
            site.refuse(match unquoted {
                Some(text) => complaint.better(text),
                None => complaint.help("write `true` or `false`, without quotes"),
            });
        }
        flag.unwrap_or_default()
    }

    fn stand_in(&self) -> bool {
        false
    }

    fn shape(&self) -> ValueSchema {
        ValueSchema::new("`true` or `false`", json!({ "type": "boolean" }))
    }
}

/// A whole number within bounds.
pub(crate) struct Integer<T> {
    bounds: RangeInclusive<u64>,
    as_number: std::marker::PhantomData<T>,
}

/// A whole number within bounds, which `T` must be able to hold.
pub(crate) fn integer<T: TryFrom<u64> + Default>(bounds: RangeInclusive<u64>) -> Integer<T> {
    Integer {
        bounds,
        as_number: std::marker::PhantomData,
    }
}

/// The number that an integer of the text is, where it is not too large for any of ours.
pub(crate) fn number(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    Some(i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i128::MAX))
}

impl<T> Integer<T> {
    fn words(&self) -> String {
        format!(
            "a whole number from {} to {}",
            self.bounds.start(),
            self.bounds.end()
        )
    }
}

impl<T: TryFrom<u64> + Default> ValueType for Integer<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, site: &mut ValueContext<'_>) -> T {
        let Some(number) = number(value) else {
            let complaint = wrong_type(&self.words(), value);
            let unquoted = value
                .as_str()
                .filter(|text| text.parse::<u64>().is_ok_and(|n| self.bounds.contains(&n)));
            site.refuse(match unquoted {
                Some(text) => complaint.better(text),
                None => complaint,
            });
            return T::default();
        };
        let fit = u64::try_from(number)
            .ok()
            .filter(|number| self.bounds.contains(number));
        fit.and_then(|number| T::try_from(number).ok())
            .unwrap_or_else(|| {
                let label = if number < i128::from(*self.bounds.start()) {
                    "too small"
                } else {
                    "too large"
                };
                site.refuse(
                    ValueError::new("out-of-range", format!("expected {}", self.words())).label(label),
                );
                T::default()
            })
    }

    fn stand_in(&self) -> T {
        T::default()
    }

    fn shape(&self) -> ValueSchema {
        let (from, to) = (self.bounds.start(), self.bounds.end());
        ValueSchema::new(
            format!("whole number, {from} to {to}"),
            json!({ "type": "integer", "minimum": from, "maximum": to }),
        )
    }
}
