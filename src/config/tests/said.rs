//! What is said about each thing that can be wrong, to the letter. Each golden file holds one
//! problem (or a few of a kind), as a user would see it.

use super::{ATTACH, CONTRACT, PRIMARY, STANDBY, said};

/// A good text with pieces of it replaced.
fn but(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not there");
        text.replacen(from, to, 1)
    })
}

/// Holds what is said against the golden file of that name.
macro_rules! says {
    ($($name:ident: $text:expr, $changes:expr;)*) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), said(&but($text, &$changes)));
            }
        )*
    };
}

const PING: &str = "name = \"ping\"\n";

says! {
    text_that_is_not_toml: STANDBY, [("role = \"standby\"", "role = standby"), ("id = \"203", "id = 203"), ("[[witness]]", "[[witness]")];
    a_key_twice: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nname = \"hk2\"\nstate_dri = \"/x\"")];
    an_unknown_key_that_is_like_a_known_one: STANDBY, [(PING, "name = \"ping\"\nintervall = \"1s\"\n")];
    an_unknown_key_with_a_name_that_people_try: STANDBY, [("neighbor_as = 64500", "remote_as = 64500")];
    a_key_of_another_table: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nmin_up = 1\nbfd = {}")];
    a_key_of_another_type_of_probe: STANDBY, [(PING, "name = \"ping\"\nurl = \"https://example.net\"\n")];
    an_unknown_key_like_nothing: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\ncolour = \"red\"")];
    an_unknown_table: STANDBY, [("[render]", "[rendering]\n[render]\n[zebra]\nx = 1")];
    tables_of_later_versions: STANDBY, [("[render]", "[lease]\nkind = \"etcd\"\n[[tunnel]]\nname = \"gre1\"\n[hooks]\ntimeout = \"10s\"\n[render]")];
    missing_keys: STANDBY, [("name = \"hk1\"\n", ""), ("role = \"standby\"\n", ""), ("neighbor = \"203.0.113.1\"\n", ""), ("target = \"198.18.0.1\"\n", "")];
    missing_tables: "[render]\n", [];
    a_service_without_a_probe: STANDBY, [("[[upstream]]", "[[service]]\nname = \"dns\"\nrole = \"standby\"\nprefixes = [\"198.18.7.0/24\"]\n[[upstream]]")];
    nothing_at_all: "", [];
    an_array_of_tables_written_as_a_table: STANDBY, [("[[service]]", "[service]"), ("[[service.probe]]", "[[service.probe]]")];
    a_table_written_as_a_value: "site = \"hk1\"\nbird = [1]\nservice = [1, { name = \"web\" }]\n", [];
    values_of_the_wrong_type: STANDBY, [
        ("name = \"hk1\"", "name = 7"),
        ("local_as = 64501", "local_as = \"AS64501\""),
        ("prefixes = [\"198.51.100.0/24\", \"2001:db8:5100::/48\"]", "prefixes = \"198.51.100.0/24\"\nmin_upstreams = \"1\"\nallow_long_prefixes = \"true\"\nfailback_delay = 30"),
        ("votes = \"failback\"", "votes = [\"up\"]\nfall = 2.5\nrise = 1979-05-27"),
    ];
    durations_that_are_none: STANDBY, [(PING, "name = \"ping\"\ninterval = \"5\"\ntimeout = \"2 s\"\nretry_interval = \"1sec\"\n"), ("[render]", "[bird]\ntimeout = \"fast\"\npoll_interval = \"\"\n[render]")];
    durations_out_of_range: STANDBY, [(PING, "name = \"ping\"\ninterval = \"5ms\"\n"), ("votes = \"failback\"", "votes = \"failback\"\ninterval = \"40ms\""), ("[render]", "[bird]\ntimeout = \"1h\"\n[render]\nconfirm_within = \"9s\""), ("role = \"standby\"", "role = \"standby\"\nflap_window = \"2000d\"")];
    numbers_out_of_range: STANDBY, [(PING, "name = \"ping\"\nfall = 0\nrise = -1\n"), ("role = \"standby\"", "role = \"standby\"\nflap_limit = 0\nmin_upstreams = 0\nrank = 99999999999999999999999999")];
    a_timeout_longer_than_the_interval: STANDBY, [(PING, "name = \"ping\"\ninterval = \"1s\"\ntimeout = \"2s\"\nretry_interval = \"1500ms\"\n")];
    words_that_are_none: STANDBY, [("role = \"standby\"", "role = \"stand-by\"\nfailback = \"never\"\non_isolated = \"kep\""), ("type = \"icmp\"", "type = \"ping\"")];
    names_that_cannot_be: STANDBY, [("name = \"hk1\"", "name = \"hk 1\""), ("name = \"web\"", "name = \"Web\""), (PING, "name = \"\"\n"), ("name = \"resolver\"", "name = \"a\\u001bb\"")];
    names_that_bird_would_not_take: ATTACH, [("name = \"isp_upstream\"", "name = \"'isp-upstream'\""), ("[\"failover4\", \"failover6\"]", "[\"web*\", \"fail over\"]\ndrain_protocols = [\"falconer_x\", \"deadbeefdeadbeefdeadbeef\"]")];
    a_name_that_some_versions_of_bird_keep: STANDBY, [("name = \"isp_upstream6\"", "name = \"ibgp\"")];
    names_that_collide: STANDBY, [("name = \"isp_upstream6\"", "name = \"web_v4\""), ("import = \"services\"", "import = \"web_v6\"")];
    names_of_the_templates: STANDBY, [("name = \"isp_upstream6\"", "name = \"kernel4\"")];
    duplicate_names: STANDBY, [("name = \"site\"", "name = \"ping\""), ("name = \"gateway\"", "name = \"resolver\""), ("name = \"isp_upstream6\"", "name = \"isp_upstream\"")];
    paths_that_cannot_be: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nstate_dir = \"var/lib\"\nrun_dir = \"/run/falco*\""), ("[render]", "[render]\ntemplate = \"../standby.conf\"\noutput = \"\"")];
    a_socket_path_that_is_too_long: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nrun_dir = \"/run/falconer/a-directory-with-a-very-long-name-indeed/and-another-one-with-a-long-name/and-one-more\"")];
    one_directory_for_both: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nstate_dir = \"/run/falconer/state\"")];
    a_state_dir_that_a_reboot_empties: STANDBY, [("name = \"hk1\"", "name = \"hk1\"\nstate_dir = \"/run/state\"")];
    text_that_would_inject_configuration: STANDBY, [("[render]", "[render]\nvars = { note = \"x\\\"; filter all { accept; }\", deep = { list = [\"ok\", \"a;b\"] }, huge = 99999999999999999999 }")];
    prefixes_that_are_none: STANDBY, [("\"198.51.100.0/24\", \"2001:db8:5100::/48\"", "\"198.51.100.1/24\", \"198.51.100.0\", \"2001:db8::1/33\", \"web\", 7, \"198.51.100.0/33\"")];
    prefixes_that_cannot_be_announced: STANDBY, [("\"198.51.100.0/24\", \"2001:db8:5100::/48\"", "\"0.0.0.0/0\", \"::/0\", \"224.0.1.0/24\", \"127.0.0.0/8\", \"ff02::/16\", \"198.51.100.128/25\", \"2001:db8:5100::/49\"")];
    one_prefix_twice: STANDBY, [("\"2001:db8:5100::/48\"", "\"2001:db8:5100::/48\", \"198.51.100.0/24\""), ("[[witness]]", "[[service]]\nname = \"dns\"\nrole = \"primary\"\nprefixes = [\"2001:db8:5100::/48\"]\nprobe = [{ name = \"p\", type = \"exec\", command = [\"/bin/true\"] }]\n[[witness]]")];
    a_prefix_inside_another_services: STANDBY, [("[[witness]]", "[[service]]\nname = \"dns\"\nrole = \"primary\"\nprefixes = [\"198.51.0.0/16\"]\nprobe = [{ name = \"p\", type = \"exec\", command = [\"/bin/true\"] }]\n[[peer]]\nname = \"cn1_ibgp\"\nneighbor = \"192.0.2.1\"\nneighbor_as = 64501\n[[witness]]")];
    a_prefix_that_no_upstream_carries: STANDBY, [("role = \"standby\"", "role = \"standby\"\nupstreams = [\"isp_upstream\"]")];
    more_upstreams_needed_than_there_are: STANDBY, [("role = \"standby\"", "role = \"standby\"\nmin_upstreams = 2")];
    an_upstream_that_nobody_defines: STANDBY, [("role = \"standby\"", "role = \"standby\"\nupstreams = [\"isp_upstreem\", \"isp_upstream6\", \"isp_upstream6\", \"backup\"]")];
    a_peer_used_as_an_upstream: STANDBY, [("role = \"standby\"", "role = \"standby\"\nupstreams = [\"isp_upstream\", \"isp_upstream6\", \"cn1_ibgp\"]"), ("[[witness]]", "[[peer]]\nname = \"cn1_ibgp\"\nneighbor = \"192.0.2.1\"\nneighbor_as = 64501\n[[witness]]")];
    a_threshold_above_the_voters: STANDBY, [("role = \"standby\"", "role = \"standby\"\ndown_when = 3\nup_when = 4")];
    a_threshold_that_is_none: STANDBY, [("role = \"standby\"", "role = \"standby\"\ndown_when = 0\nup_when = \"most\"")];
    thresholds_that_could_both_hold: STANDBY, [("role = \"standby\"", "role = \"standby\"\ndown_when = \"any\"\nup_when = 1")];
    thresholds_without_a_common_probe: ATTACH, [("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nvotes = \"down\"")];
    no_probe_that_votes: ATTACH, [("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nvotes = \"none\""), ("votes = \"up\"", "votes = \"none\"")];
    a_target_inside_an_announced_prefix: STANDBY, [("target = \"198.18.0.1\"", "target = \"198.51.100.10\""), ("https://origin.example.net/", "http://[2001:db8:5100::1]:8080/"), ("target = \"192.0.2.53\"", "target = \"198.51.100.53\"")];
    a_check_of_serving_outside_the_prefixes: STANDBY, [("[[witness]]", "[[service.serves]]\nname = \"local\"\ntype = \"tcp\"\ntarget = \"198.51.101.10:80\"\n[[service.serves]]\nname = \"site6\"\ntype = \"http\"\nurl = \"http://www.example.net/\"\nconnect_to = \"[2001:db8:5200::1]:80\"\n[[witness]]")];
    a_check_of_serving_inside_the_prefixes: STANDBY, [("role = \"standby\"", "role = \"standby\"\non_not_serving = \"hold\""), ("[[witness]]", "[[service.serves]]\nname = \"local\"\ntype = \"http\"\nurl = \"http://www.example.net/\"\nconnect_to = \"198.51.100.10:80\"\n[[service.serves]]\nname = \"v6\"\ntype = \"icmp\"\ntarget = \"2001:db8:5100::10\"\n[[service.serves]]\nname = \"disk\"\ntype = \"exec\"\ncommand = [\"/bin/true\"]\n[[witness]]")];
    a_check_of_serving_that_votes: STANDBY, [("[[witness]]", "[[service.serves]]\nname = \"local\"\ntype = \"icmp\"\ntarget = \"198.51.100.10\"\nvotes = \"both\"\n[[witness]]")];
    a_check_of_serving_that_asks_bird: STANDBY, [("[[witness]]", "[[service.serves]]\nname = \"local\"\ntype = \"bird-route\"\nprefix = \"198.51.100.0/24\"\n[[witness]]")];
    a_check_of_serving_with_a_probes_name: STANDBY, [("[[witness]]", "[[service.serves]]\nname = \"ping\"\ntype = \"icmp\"\ntarget = \"198.51.100.10\"\n[[witness]]")];
    checks_of_serving_called_otherwise: STANDBY, [("role = \"standby\"", "role = \"standby\"\non_not_serving = \"holds\""), ("[[witness]]", "[[service.serve]]\nname = \"local\"\ntype = \"icmp\"\ntarget = \"198.51.100.10\"\n[[witness]]")];
    what_to_do_without_a_check_of_serving: STANDBY, [("role = \"standby\"", "role = \"standby\"\non_not_serving = \"hold\"")];
    a_source_inside_an_announced_prefix: STANDBY, [("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nsource = \"198.51.100.1\"")];
    a_witness_that_is_a_target: STANDBY, [("target = \"192.0.2.53\"", "target = \"198.18.0.1\""), ("type = \"icmp\"\ntarget = \"203.0.113.1\"", "type = \"tcp\"\ntarget = \"ORIGIN.example.net.:443\"")];
    a_route_that_may_be_anybodys: STANDBY, [("protocol = \"isp_upstream\"\norigin_as = 64502\n", "")];
    more_witnesses_needed_than_there_are: STANDBY, [("[[witness]]", "[isolation]\nmin_up = 3\n[[witness]]")];
    more_witnesses_of_a_group_needed_than_there_are: STANDBY, [("[[witness]]", "[isolation]\nmin_up = { near = 3, far = 1 }\n[[witness]]")];
    a_group_of_witnesses_that_is_none: STANDBY, [("[[witness]]", "[isolation]\nmin_up = { neer = 1, far = 0 }\n[[witness]]"), ("target = \"192.0.2.53\"", "target = \"192.0.2.53\"\ngroup = \"remote\"")];
    groups_of_witnesses_without_a_number: STANDBY, [("[[witness]]", "[isolation]\nmin_up = {}\n[[witness]]")];
    a_number_of_witnesses_that_is_none: STANDBY, [("[[witness]]", "[isolation]\nmin_up = \"all\"\n[[witness]]")];
    a_witness_without_effect: STANDBY, [("[[witness]]", "[isolation]\nmin_up = 0\n[[witness]]"), ("target = \"192.0.2.53\"", "target = \"192.0.2.53\"\nvotes = \"up\"\ndecides = \"up\"")];
    a_standby_with_one_witness: STANDBY, [("[[witness]]\nname = \"gateway\"\ntype = \"icmp\"\ntarget = \"203.0.113.1\"\n", "")];
    a_standby_without_a_witness: STANDBY, [("[[witness]]\nname = \"gateway\"\ntype = \"icmp\"\ntarget = \"203.0.113.1\"\n", ""), ("[[witness]]\nname = \"resolver\"\ntype = \"icmp\"\ntarget = \"192.0.2.53\"\n", "")];
    a_standby_that_is_blind_to_a_withdrawal: STANDBY, [("decides = \"down\"\n", "")];
    silence_that_decides: ATTACH, [("on_no_answer = \"error\"\n", ""), ("/v1/services/web/announced", "/healthz")];
    a_primary_that_no_standby_sees: PRIMARY, [("listen = \"198.18.0.1:9180\"", "listen = \"\"")];
    a_primary_with_keys_of_a_standby: PRIMARY, [("role = \"primary\"", "role = \"primary\"\nfailback = \"manual\"\nfailback_delay = \"5s\"\non_isolated = \"withdraw\"\nflap_limit = 5")];
    a_primary_from_the_standbys_template: PRIMARY, [("template = \"primary.conf\"\n", "")];
    a_router_that_is_missing: STANDBY, [("[router]\nid = \"203.0.113.2\"\nlocal_as = 64501\n", "")];
    graceful_restart_on: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\ngraceful_restart = \"on\"")];
    windows_that_are_none: STANDBY, [("role = \"standby\"", "role = \"standby\"\nfailback_window = \"02:00-05:00\"")];
    a_window_that_never_opens: STANDBY, [("role = \"standby\"", "role = \"standby\"\nfailback_window = \"02:00-02:00 UTC\"")];
    a_window_with_a_time_that_is_none: STANDBY, [("role = \"standby\"", "role = \"standby\"\nfailback_window = \"2:00-24:00 UTC\"")];
    a_window_in_an_unknown_zone: STANDBY, [("role = \"standby\"", "role = \"standby\"\nfailback_window = \"02:00-05:00 Asia/HongKong\"")];
    own_protocols_where_we_render: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprotocols = [\"failover4\", \"failover6\"]")];
    too_few_own_protocols: ATTACH, [("[\"failover4\", \"failover6\"]", "[\"failover4\"]")];
    a_drain_without_protocols: ATTACH, [("role = \"standby\"", "role = \"standby\"\nfailback_drain = \"30s\"")];
    a_session_that_is_not_rendered: ATTACH, [("name = \"isp_upstream\"", "name = \"isp_upstream\"\nneighbor = \"203.0.113.1\"\nhold_time = \"30s\""), ("[[service]]", "[router]\nid = \"203.0.113.2\"\nlocal_as = 64501\n[[service]]")];
    as_numbers_that_are_none: STANDBY, [("local_as = 64501", "local_as = 0"), ("neighbor_as = 64500", "neighbor_as = 23456"), ("origin_as = 64502", "origin_as = 4294967296")];
    times_of_a_session: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nhold_time = \"2s\"\nerror_wait_time = [\"10s\", \"1s\"]\nconnect_retry_time = \"500ms\""), ("neighbor = \"2001:db8:113::1\"", "neighbor = \"2001:db8:113::1\"\nhold_time = \"9s\"\nkeepalive_time = \"10s\"")];
    no_hold_time: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nhold_time = \"0s\"\nerror_wait_time = [\"10s\"]")];
    communities_that_are_none: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\ncommunities = [\"64500:80\", \"64501:1:344\", \"4200000000:1\", \"no-export\", 7]\nlarge_communities = [\"64501:1\", \"1:2:4294967296\", \"a:b:c\"]")];
    a_neighbour_that_is_ourselves: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nsource = \"203.0.113.1\"")];
    addresses_that_are_none: STANDBY, [("neighbor = \"203.0.113.1\"", "neighbor = \"203.0.113.256\"\nsource = \"224.0.0.5\""), ("neighbor = \"2001:db8:113::1\"", "neighbor = \"fe80::1\""), ("id = \"203.0.113.2\"", "id = \"2001:db8::1\""), ("target = \"198.18.0.1\"", "target = \"198.18.0.300\""), ("target = \"192.0.2.53\"", "target = \"https://example.net/\"")];
    two_families_in_one_session: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nsource = \"2001:db8:113::2\""), ("target = \"198.18.0.1\"", "target = \"198.18.0.1\"\nsource = \"2001:db8:113::2\"")];
    routes_of_a_foreign_family_without_a_next_hop: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nfamilies = [\"ipv4\", \"ipv6\"]\nnext_hop = [\"203.0.113.2\"]")];
    routes_of_a_foreign_family_with_a_next_hop: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nfamilies = [\"ipv4\", \"ipv6\"]\nnext_hop = \"2001:db8:113::2\"")];
    next_hops_that_are_none: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nnext_hop = [\"203.0.113.1\", \"203.0.113.2\"]"), ("neighbor = \"2001:db8:113::1\"", "neighbor = \"2001:db8:113::1\"\nnext_hop = \"203.0.113.6\""), ("[[witness]]", "[[peer]]\nname = \"cn1\"\nneighbor = \"198.18.0.1\"\nneighbor_as = 64501\nmultihop = 8\nnext_hop = [\"203.0.113.2\", \"here\"]\n[[witness]]")];
    a_next_hop_of_a_peer: STANDBY, [("[[witness]]", "[[peer]]\nname = \"cn1\"\nneighbor = \"198.18.0.1\"\nneighbor_as = 64501\nmultihop = 8\nnext_hop = \"203.0.113.2\"\n[[witness]]")];
    import_limits_that_do_harm_or_nothing: STANDBY, [("import = \"services\"", "import = \"services\"\nimport_limit = 0"), ("neighbor = \"2001:db8:113::1\"", "neighbor = \"2001:db8:113::1\"\nimport_limit = 10")];
    an_import_limit_below_what_may_come_in: STANDBY, [("import = \"services\"", "import = \"services\"\nimport_limit = 1"), ("\"198.51.100.0/24\"", "\"198.51.100.0/24\", \"203.0.112.0/24\"")];
    bfd_over_hops_without_a_source: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nmultihop = 3\nbfd = { interval = \"5ms\", multiplier = 1 }")];
    two_sessions_with_one_neighbour: STANDBY, [("[[witness]]", "[[peer]]\nname = \"again\"\nneighbor = \"203.0.113.1\"\nneighbor_as = 64500\n[[witness]]")];
    two_sessions_with_one_neighbour_from_two_sources: STANDBY, [("neighbor_as = 64500", "neighbor_as = 64500\nsource = \"203.0.113.2\""), ("[[witness]]", "[[peer]]\nname = \"again\"\nneighbor = \"203.0.113.1\"\nneighbor_as = 64500\nsource = \"203.0.113.6\"\n[[witness]]")];
    an_import_policy_that_is_none: STANDBY, [("import = \"services\"", "import = \"all\"")];
    a_route_that_is_never_let_in: STANDBY, [("import = \"services\"\n", "")];
    a_route_that_is_not_told_while_we_announce: STANDBY, [("votes = \"failback\"\n", "")];
    a_route_that_no_session_shows_while_we_announce: STANDBY, [("protocol = \"isp_upstream\"\n", ""), ("votes = \"failback\"\n", "votes = \"up\"\n")];
    more_specific_prefixes_without_a_drain: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprimary_prefixes = [\"198.51.100.0/23\", \"2001:db8:5100::/47\"]")];
    a_session_that_bird_does_not_have: STANDBY, [("protocol = \"isp_upstream\"", "protocol = \"isp_upstrem\""), ("type = \"icmp\"\ntarget = \"192.0.2.53\"", "type = \"bird-protocol\"\nbfd = \"203.0.113.1\"")];
    a_bird_protocol_probe_of_nothing: STANDBY, [("type = \"icmp\"\ntarget = \"192.0.2.53\"", "type = \"bird-protocol\""), ("type = \"icmp\"\ntarget = \"203.0.113.1\"", "type = \"bird-protocol\"\nprotocol = \"isp_upstream\"\nbfd = \"203.0.113.1\"")];
    urls_that_are_none: STANDBY, [("https://origin.example.net/healthz", "origin.example.net/healthz"), ("[[witness]]", "[[witness]]\nname = \"a\"\ntype = \"http\"\nurl = \"ftp://example.net/\"\n[[witness]]\nname = \"b\"\ntype = \"http\"\nurl = \"https://me:secret@example.net/\"\n[[witness]]\nname = \"c\"\ntype = \"http\"\nurl = \"https:///x\"\n[[witness]]")];
    an_http_probe_with_everything_wrong: STANDBY, [("url = \"https://origin.example.net/healthz\"", "url = \"http://origin.example.net/healthz\"\nmethod = \"get\"\nheaders = { Host = \"x\", \"a b\" = \"c\" }\nexpect_status = [\"2xx\", 600, \"299-200\"]\nexpect_body = \"(unclosed\"\nexpect_header = { Server = \"[\" }\nconnect_to = \"198.18.0.1:99999\"\ntls_ca_file = \"ca.pem\"\ntls_verify = false")];
    a_body_that_head_does_not_have: STANDBY, [("url = \"https://origin.example.net/healthz\"", "url = \"https://origin.example.net/healthz\"\nmethod = \"HEAD\"\nexpect_body = \"ok\"\ntls_verify = false\ntls_ca_file = \"/etc/ca.pem\"")];
    a_tcp_probe_without_a_port: STANDBY, [("type = \"icmp\"", "type = \"tcp\""), ("type = \"icmp\"\ntarget = \"192.0.2.53\"", "type = \"tcp\"\ntarget = \"192.0.2.53:53\"\nport = 54")];
    a_dns_probe_that_never_passes: STANDBY, [("type = \"icmp\"\ntarget = \"198.18.0.1\"", "type = \"dns\"\ntarget = \"198.18.0.1\"\nquery = \"www.example.net\"\nexpect_answers = [\"2001:db8::1\", \"198.51.100.10\"]\nexpect_rcode = \"NXDOMAIN\"\nrecord = \"A\""), ("type = \"icmp\"\ntarget = \"192.0.2.53\"", "type = \"dns\"\ntarget = \"192.0.2.53\"\nquery = \"a..b\"\nrecord = \"MX\"\nexpect_answers = [\"mail\", \"10 mail.example.net.\"]\ntransport = \"quic\"")];
    an_exec_probe_with_a_shell_line: STANDBY, [("type = \"icmp\"\ntarget = \"198.18.0.1\"", "type = \"exec\"\ncommand = [\"ping -c1 198.18.0.1\"]"), ("type = \"icmp\"\ntarget = \"192.0.2.53\"", "type = \"exec\"\ncommand = []")];
    a_link_local_target: STANDBY, [("target = \"198.18.0.1\"", "target = \"fe80::1\""), ("target = \"192.0.2.53\"", "target = \"192.0.2.53\"\nsource = \"an-interface-name-too-long\"")];
    an_api_nobody_could_reach: STANDBY, [("[render]", "[api]\nlisten = \"9180\"\nsocket = \"/run/bird/bird.ctl\"\n[log]\nlevel = \"verbose\"\n[render]")];
    prefixes_that_the_primary_does_not_announce: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprimary_prefixes = [\"198.51.102.0/23\", \"2001:db8:5100::/47\"]")];
    a_block_that_is_longer_than_its_parts: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprimary_prefixes = [\"198.51.100.0/25\", \"2001:db8:5100::/48\"]")];
    standing_prefixes_that_do_not_contain_the_own: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"203.0.112.0/23\"]")];
    standing_prefixes_inside_another_services: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"198.51.100.0/23\"]"), ("[[witness]]", "[[service]]\nname = \"dns\"\nrole = \"primary\"\nprefixes = [\"198.51.0.0/16\"]\nprobe = [{ name = \"p\", type = \"exec\", command = [\"/bin/true\"] }]\n[[witness]]")];
    standing_prefixes_of_two_services: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"198.51.100.0/23\"]"), ("[[witness]]", "[[service]]\nname = \"dns\"\nrole = \"primary\"\nprefixes = [\"198.51.101.0/24\"]\nstanding = [\"198.51.100.0/23\"]\nprobe = [{ name = \"p\", type = \"exec\", command = [\"/bin/true\"] }]\n[[witness]]")];
    a_standing_prefix_that_wins_over_the_primarys: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprimary_prefixes = [\"198.51.100.0/22\", \"2001:db8:5100::/48\"]\nstanding = [\"198.51.100.0/23\"]")];
    a_standing_prefix_without_a_community: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"198.51.100.0/24\"]")];
    a_standing_prefix_that_is_well: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"198.51.100.0/24\"]\nupstreams = [\"isp_upstream\", \"isp_upstream6\"]"), ("neighbor_as = 64500", "neighbor_as = 64500\nstanding_communities = [\"64500:80\"]"), ("neighbor = \"2001:db8:113::1\"", "neighbor = \"2001:db8:113::1\"\nstanding_communities = [\"64500:80\"]")];
    a_target_inside_a_standing_prefix: STANDBY, [("role = \"standby\"", "role = \"standby\"\nstanding = [\"198.51.100.0/23\"]"), ("target = \"198.18.0.1\"", "target = \"198.51.101.7\"")];
    own_standing_protocols_of_nothing: ATTACH, [("role = \"standby\"", "role = \"standby\"\nstanding_protocols = [\"block4\"]")];
    a_misspelt_key_of_a_pattern: STANDBY, [("role = \"standby\"", "role = \"standby\"\nprimary_prefix = [\"198.51.100.0/23\"]\nstanding_prefixes = [\"198.51.100.0/23\"]"), ("neighbor_as = 64500", "neighbor_as = 64500\nstanding_community = [\"64500:80\"]\nno_lgr = true")];
    the_contracts_example_with_its_warnings: CONTRACT, [];
}
