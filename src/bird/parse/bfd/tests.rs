use super::*;
use crate::bird::transcripts::said;

#[test]
fn a_multihop_session_has_no_interface() {
    let reply = said(
        "1020-bfd1:\n IP address                Interface  State      Since         Interval  Timeout\n \
         2001:db8::1               ---        AdminDown  2026-11-22 20:41:05    0.300    0.900\n0000 \n",
    );
    let sessions = bfd_sessions(&reply).expect("sessions");
    let [session] = &sessions[..] else {
        panic!("{sessions:?}")
    };
    assert_eq!(
        (session.interface.as_deref(), session.state),
        (None, BfdState::AdminDown)
    );
    assert_eq!(session.protocol, "bfd1");
}

#[test]
fn without_bfd_there_are_no_sessions() {
    for none in [
        "9001 There is no BFD protocol running\n",
        "1020-bfd1: is not up\n0000 \n",
        "0000 \n",
    ] {
        assert_eq!(bfd_sessions(&said(none)), Ok(Vec::new()), "{none}");
    }
}

#[test]
fn what_is_no_session_is_malformed() {
    for bad in [
        "1020-bfd1\n",
        "1020-a b\n",
        "1020-x wan0 Up\n",
        "1020-192.0.2.1 wan0 Sideways\n",
    ] {
        let reply = said(&format!("{bad}0000 \n"));
        assert!(
            matches!(bfd_sessions(&reply), Err(BirdError::Malformed { .. })),
            "{bad}"
        );
    }
}
