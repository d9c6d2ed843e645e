//! Writes the page for Prometheus: metric families with their samples, one call each.
//!
//! It knows the rules of the format for names and units, but not what is measured.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::counts::Histogram;

/// The labels of a sample: names and values.
pub(crate) type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// What a family is called, without `falconer_` and without its unit, and what it tells.
#[derive(Debug)]
pub(crate) struct MetricFamily {
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
}

/// A family without a unit.
pub(crate) fn family(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily {
        name,
        unit: None,
        help,
    }
}

/// A family in seconds; times are seconds since 1970.
pub(crate) fn seconds(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily {
        name,
        unit: Some(Unit::Seconds),
        help,
    }
}

/// A family in bytes.
pub(crate) fn bytes(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily {
        name,
        unit: Some(Unit::Bytes),
        help,
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Encoder<'a>(DescriptorEncoder<'a>);

impl<'a> Encoder<'a> {
    /// An empty page.
    pub(crate) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// Something that is so much now.
    pub(crate) fn gauge<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = (Labels<'l, N>, f64)>,
    ) -> fmt::Result {
        self.family(family, MetricType::Gauge, samples, |encoder, value| {
            encoder.encode_gauge(&value)
        })
    }

    /// Something that is so or not: 1 or 0.
    pub(crate) fn flag<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = (Labels<'l, N>, bool)>,
    ) -> fmt::Result {
        self.count(
            family,
            samples.into_iter().map(|(labels, is)| (labels, u64::from(is))),
        )
    }

    /// So many of something now.
    pub(crate) fn count<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        self.family(family, MetricType::Gauge, samples, |encoder, value| {
            encoder.encode_gauge(&value)
        })
    }

    /// A point in time; samples without one are left out.
    pub(crate) fn time<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, Option<Timestamp>)>,
    ) -> fmt::Result {
        let samples = samples
            .into_iter()
            .filter_map(|(labels, at)| Some((labels, since_1970(at?))));
        self.gauge(seconds(name, help), samples)
    }

    /// One of a few words: 1 for the one that is, 0 for the others.
    pub(crate) fn states<'l, const N: usize, T>(
        &mut self,
        family: MetricFamily,
        words: &'static [&'static str],
        of: impl IntoIterator<Item = T>,
        sample: impl Fn(&T, &'static str) -> (Labels<'l, N>, bool),
    ) -> fmt::Result {
        let sample = &sample;
        let samples = of.into_iter().flat_map(|one| {
            words
                .iter()
                .map(move |word| sample(&one, word))
                .collect::<Vec<_>>()
        });
        self.flag(family, samples)
    }

    /// Something that was counted since the start.
    pub(crate) fn counter<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        self.family(family, MetricType::Counter, samples, |encoder, value| {
            encoder.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    /// Time that was spent since the start.
    pub(crate) fn spent(&mut self, family: MetricFamily, value: Option<f64>) -> fmt::Result {
        let samples = value.map(|value| ([], value));
        self.family(family, MetricType::Counter, samples, |encoder, value| {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        })
    }

    /// How something was distributed since the start.
    pub(crate) fn histogram<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = (Labels<'l, N>, &'l Histogram)>,
    ) -> fmt::Result {
        self.family(family, MetricType::Histogram, samples, |encoder, value| {
            let buckets: Vec<(f64, u64)> = value.buckets().collect();
            encoder.encode_histogram::<NoLabelSet>(value.sum(), value.count(), &buckets, None)
        })
    }

    /// What is told in labels alone.
    pub(crate) fn info<'l, const N: usize>(
        &mut self,
        family: MetricFamily,
        samples: impl IntoIterator<Item = Labels<'l, N>>,
    ) -> fmt::Result {
        let mut encoder = self
            .0
            .encode_descriptor(family.name, family.help, None, MetricType::Info)?;
        for labels in samples {
            encoder.encode_info(&labels)?;
        }
        Ok(())
    }

    fn family<'l, const N: usize, V>(
        &mut self,
        family: MetricFamily,
        kind: MetricType,
        samples: impl IntoIterator<Item = (Labels<'l, N>, V)>,
        write: impl Fn(&mut MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut encoder = self
            .0
            .encode_descriptor(family.name, family.help, family.unit.as_ref(), kind)?;
        for (labels, value) in samples {
            if N == 0 {
                write(&mut encoder, value)?;
            } else {
                write(&mut encoder.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }
}

/// As Prometheus counts time.
fn since_1970(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
