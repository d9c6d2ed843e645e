//! The configuration after reading: plain types with every default filled in, every name resolved and
//! every contradiction refused. It knows nothing of TOML.
//!
//! Types compare by value: a reload leaves a service alone if its part of the configuration is equal to
//! the old one.

mod family;
mod probe;
mod service;
mod session;
mod site;
pub use family::Family;
pub use probe::{
    BirdProtocolConfig, BirdRouteConfig, CheckConfig, Decides, DnsConfig, ExecConfig, Group, Host,
    HttpConfig, IcmpConfig, OnNoAnswer, Pattern, ProbeConfig, Source, TcpConfig, Votes, is_status_in,
};
pub use service::{
    DailyWindow, FailbackMode, OnLoss, OnNotServing, Quorum, Role, ServiceConfig, StaticProtocolConfig,
};
pub use session::{BfdConfig, GracefulRestart, ImportPolicy, SessionConfig, UpstreamConfig};
pub use site::{
    ApiConfig, ApplyMode, BirdConfig, Config, IsolationConfig, LogConfig, LogFormat, MinUp, OnCutOff,
    RenderConfig, RouterConfig, SiteConfig,
};
