package coop.catalog.keycloak.membership;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

import org.keycloak.models.OrganizationModel;

/**
 * Whom to ask: what an organization's attribute {@code coop.help_desk} says, as text. The template escapes it.
 *
 * <p>{@code link} is empty unless the text is as a whole a web address under https or an e-mail address.
 */
record HelpDesk(String organization, String text, String link) {

    static final String ATTRIBUTE = "coop.help_desk";

    private static final Pattern WEB = Pattern.compile("https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/?&=%+-]*)?");
    private static final Pattern MAIL = Pattern.compile("[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+");

    static Optional<HelpDesk> of(OrganizationModel organization) {
        return organization.getAttributes().getOrDefault(ATTRIBUTE, List.of()).stream()
                .map(String::strip)
                .filter(text -> !text.isEmpty())
                .findFirst()
                .map(text -> new HelpDesk(organization.getName(), text, link(text)));
    }

    static String link(String text) {
        if (WEB.matcher(text).matches()) {
            return text;
        }
        return MAIL.matcher(text).matches() ? "mailto:" + text : "";
    }
}
