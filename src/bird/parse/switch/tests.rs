use super::*;
use crate::bird::transcripts::said;

#[test]
fn a2_the_answer_is_the_code_of_the_line_with_the_name() {
    assert_eq!(
        enabled(&said("0011-web_v4: enabled\n0000 \n"), "web_v4"),
        Ok(SwitchReply::Enabled)
    );
    assert_eq!(
        enabled(&said("0010-web_v4: already enabled\n0000 \n"), "web_v4"),
        Ok(SwitchReply::AlreadyEnabled)
    );
    assert_eq!(
        disabled(&said("0009-web_v4: disabled\n0000 \n"), "web_v4"),
        Ok(SwitchReply::Disabled)
    );
    assert_eq!(
        disabled(&said("0008-web_v4: already disabled\n0000 \n"), "web_v4"),
        Ok(SwitchReply::AlreadyDisabled)
    );
}

#[test]
fn a2_anything_but_exactly_one_line_with_the_name_is_malformed() {
    for bad in [
        "0000 \n",
        "0011-web_v4: enabled\n web_v6: enabled\n0000 \n",
        "0011-web_v6: enabled\n0000 \n",
        "0011-web_v44: enabled\n0000 \n",
        "0011-web_v4: enabled\n web_v4: enabled\n0000 \n",
        "0011-web_v4: enabled\n0010-web_v4: already enabled\n0000 \n",
        "0009-web_v4: disabled\n0000 \n",
        "0012-web_v4: restarted\n0000 \n",
        "1002-web_v4: x\n0000 \n",
    ] {
        assert!(
            matches!(enabled(&said(bad), "web_v4"), Err(BirdError::Malformed { .. })),
            "{bad:?}"
        );
    }
}
