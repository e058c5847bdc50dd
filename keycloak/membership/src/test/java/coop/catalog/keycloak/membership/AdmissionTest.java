package coop.catalog.keycloak.membership;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;

import org.junit.jupiter.api.Test;

class AdmissionTest {

    private static final String OURS = "6f1a";
    private static final String THEIRS = "9c2b";

    private static Admission admission(Map<String, String> attributes) {
        return Admission.of(attributes::get);
    }

    @Test
    void aClientThatSaysNothingAdmitsNobodyAndAllowsNothing() {
        Admission nothing = admission(Map.of());

        assertFalse(nothing.admits(organization -> true));
        assertTrue(Arrays.stream(Admission.Grant.values()).noneMatch(nothing::allows));
    }

    @Test
    void membersOfOneAdmittedOrganizationGetInAndOthersDoNot() {
        Admission two = admission(Map.of(Admission.ORGANIZATIONS, " " + OURS + "\n " + THEIRS));

        assertTrue(two.admits(OURS::equals));
        assertTrue(two.admits(THEIRS::equals));
        assertFalse(two.admits("0000"::equals));
    }

    @Test
    void onlyTheExactWordOpensAClientToEverybody() {
        assertTrue(admission(Map.of(Admission.ACCESS, "everybody")).admits(organization -> false));
        for (String word : Set.of("Everybody", "everybody ", "true", "organizations", "")) {
            assertFalse(admission(Map.of(Admission.ACCESS, word)).admits(organization -> false), word);
        }
    }

    @Test
    void grantsAreThoseThatAreListedAndUnknownWordsGrantNothing() {
        Admission listed = admission(Map.of(Admission.GRANTS, "device_code implicit PASSWORD"));

        assertEquals(Set.of(Admission.Grant.DEVICE_CODE), listed.grants());
    }

    @Test
    void aHelpDeskIsALinkOnlyWhereTheWholeTextIsAnAddress() {
        assertEquals("https://help.example.ca/wiki?lang=fr", HelpDesk.link("https://help.example.ca/wiki?lang=fr"));
        assertEquals("mailto:help@example.ca", HelpDesk.link("help@example.ca"));
        for (String text : Set.of("call 555-0100", "javascript:alert(1)", "http://example.ca", "https://a.ca\"onclick")) {
            assertEquals("", HelpDesk.link(text), text);
        }
    }
}
