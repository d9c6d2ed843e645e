use super::*;
use crate::bird::transcripts::said;

fn row(text: &str) -> ProtocolRow {
    let mut rows = protocols(&said(&format!("2002-Name\n1002-{text}\n0000 \n"))).expect("one protocol");
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn a_session_is_found_behind_a_time_of_any_number_of_words() {
    for since in [
        "12:00:01.123",
        "2026-11-22",
        "2026-11-22 20:41:03.362625",
        "Sunday",
        "<error>",
        "1795380099",
        "Sun Nov  1 at  noon",
    ] {
        let up = row(&format!(
            "isp        BGP        ---        up     {since:<12}  {:<14}",
            "Established"
        ));
        assert!(up.is_established(), "{since}: {up:?}");
        assert_eq!(up.last_error(), None);

        let trying = row(&format!(
            "isp        BGP        ---        start  {since:<12}  {:<14}Socket: Connection refused",
            "Active"
        ));
        assert_eq!(trying.bgp_state(), Some(BgpState::Active), "{since}");
        assert_eq!(trying.last_error(), Some("Socket: Connection refused"), "{since}");
    }
}

#[test]
fn a_session_that_is_down_has_its_error_where_others_have_their_state() {
    let down = row("isp_mp     BGP        ---        down   23:21:11.517  Error: No listening socket");
    assert_eq!(down.bgp_state(), Some(BgpState::Down));
    assert_eq!(down.last_error(), Some("Error: No listening socket"));
    assert!(!down.is_established());
    let disabled = row("half       BGP        ---        down   23:21:11.513  ");
    assert_eq!(
        (disabled.bgp_state(), disabled.last_error()),
        (Some(BgpState::Down), None)
    );
}

#[test]
fn a_name_longer_than_its_column_shifts_nothing() {
    let long = row("isp_upstream_number_one BGP        ---        up     20:40:40.789  Established   ");
    assert_eq!(long.name, "isp_upstream_number_one");
    assert!(long.is_established());
}

#[test]
fn only_a_session_has_a_session_state() {
    let pipe = row("p1         Pipe       ---        up     20:40:40.789  Established => t4");
    assert_eq!(
        (pipe.bgp_state(), pipe.last_error(), pipe.is_established()),
        (None, None, false)
    );
    assert_eq!(pipe.info, "Established => t4");
}

#[test]
fn a_state_that_a_newer_bird_may_have_blinds_us_to_nothing_else() {
    assert_eq!(
        row("a          Static     master4    pause  20:40:40.789  ").state,
        ProtocolState::Starting
    );
    assert_eq!(
        row("a          Static     master4    flush  20:40:40.789  ").state,
        ProtocolState::Stopping
    );
}

#[test]
fn half_a_row_is_malformed() {
    for half in ["a", "a Static", "a Static master4", ""] {
        let reply = said(&format!("1002-{half}\n0000 \n"));
        assert!(
            matches!(protocols(&reply), Err(BirdError::Malformed { .. })),
            "{half:?}"
        );
    }
}

#[test]
fn no_protocols_at_all_is_an_empty_list() {
    assert_eq!(protocols(&said("8003 No protocols match\n")), Ok(Vec::new()));
}

#[test]
fn details_of_another_protocol_or_of_several_are_malformed() {
    let a = "1002-a          Static     master4    up     20:40:40.789  \n";
    for reply in [
        a.to_owned() + "0000 \n",
        a.repeat(2) + "0000 \n",
        "0000 \n".into(),
    ] {
        assert!(
            matches!(protocol(&said(&reply), "b"), Err(BirdError::Malformed { .. })),
            "{reply}"
        );
    }
}

#[test]
fn a_session_with_two_families_has_two_channels() {
    let reply = said(
        "2002-Name       Proto      Table      State  Since         Info\n\
         1002-isp_mp     BGP        ---        up     23:22:54.607  Established   \n\
         1006-  BGP state:          Established\n \
           Neighbor address: fe80::1%wan0 onlink\n \
         Channel ipv4\n \
           State:          UP\n \
           Table:          master4\n \
           Preference:     100\n \
           Input filter:   REJECT\n \
           Output filter:  ACCEPT\n \
           Routes:         1 imported, 2 filtered, 3 exported, 4 preferred\n \
         Channel ipv6\n \
           State:          DOWN\n \
           Table:          master6\n \
           Output filter:  to_isp\n \n0000 \n",
    );
    let detail = protocol(&reply, "isp_mp").expect("one protocol");
    let bgp = detail.bgp.expect("a session");
    assert_eq!(bgp.neighbor_address, Some("fe80::1".parse().expect("an address")));
    let [v4, v6] = &detail.channels[..] else {
        panic!("{:?}", detail.channels)
    };
    assert_eq!(
        (v4.name.as_str(), v4.state.as_str(), v4.table.as_str()),
        ("ipv4", "UP", "master4")
    );
    assert_eq!(
        v4.routes,
        Some(RouteCounts {
            imported: 1,
            exported: 3,
            preferred: Some(4)
        })
    );
    assert_eq!(
        (v6.name.as_str(), v6.output_filter.as_str(), v6.routes),
        ("ipv6", "to_isp", None)
    );
}

#[test]
fn a_message_too_long_for_bird_is_no_message() {
    let reply = said(
        "1002-a          Static     master4    down   20:40:40.789  \n\
         1006-  Description:    x\n8000-<line overflow>\n1006-  Channel ipv4\n     State:          DOWN\n0000 \n",
    );
    let detail = protocol(&reply, "a").expect("one protocol");
    assert_eq!((detail.message, detail.channels.len()), (None, 1));
}

#[test]
fn a_message_may_have_colons_and_other_letters() {
    let reply = said(
        "1002-a          Static     master4    down   20:40:40.789  \n\
         1006-  Message:        D4: 主站点恢复, Channel ipv4: ok\n0000 \n",
    );
    let detail = protocol(&reply, "a").expect("one protocol");
    assert_eq!(
        detail.message.as_deref(),
        Some("D4: 主站点恢复, Channel ipv4: ok")
    );
    assert_eq!(detail.channels, []);
}

#[test]
fn a_session_that_asks_its_neighbour_to_keep_routes_says_for_how_long() {
    let of = |local: &str| {
        let text = format!(
            "1002-isp BGP --- up 20:40:40 Established\n1006-  BGP state:          Established\n     Local capabilities\n       \
             Graceful restart\n{local}     Neighbor capabilities\n       Graceful restart\n         Restart time: 120\n\
             0000 \n"
        );
        protocol(&said(&text), "isp").unwrap().bgp.unwrap().restart_time
    };
    assert_eq!(
        of("         Restart time: 90\n         AF supported: ipv4\n"),
        Some(90)
    );
    // A helper only.
    assert_eq!(of(""), None);
}

#[test]
fn a_session_says_how_long_its_neighbour_would_keep_the_routes_of_a_dead_router() {
    let text = "1002-isp BGP --- up 20:40:40 Established\n1006-  BGP state:          Established\n     Local capabilities\n       \
        Graceful restart\n         Restart time: 90\n       Long-lived graceful restart\n         LL stale time: 3600\n     \
        Neighbor capabilities\n       Graceful restart\n       Long-lived graceful restart\n         LL stale time: 7\n     \
        Session:          external AS4\n     Hold timer:       71.041/90\n0000 \n";
    let bgp = protocol(&said(text), "isp").unwrap().bgp.unwrap();
    assert_eq!((bgp.restart_time, bgp.stale_time), (Some(90), Some(3600)));
    assert_eq!(
        (bgp.neighbor_knows_restart, bgp.neighbor_knows_stale),
        (true, true)
    );
    assert_eq!(bgp.hold_time, Some(90));
    let text = "1002-isp BGP --- up 20:40:40 Established\n1006-  BGP state:          Established\n     Local capabilities\n       \
        Graceful restart\n       Long-lived graceful restart\n     Neighbor capabilities\n       Route refresh\n     Session:   \
        external AS4\n     Hold timer:       0.000/0\n0000 \n";
    let bgp = protocol(&said(text), "isp").unwrap().bgp.unwrap();
    assert_eq!(
        (bgp.neighbor_knows_restart, bgp.neighbor_knows_stale),
        (false, false)
    );
    assert_eq!((bgp.stale_time, bgp.hold_time), (None, Some(0)));
}
