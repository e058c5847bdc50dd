package coop.catalog.keycloak.membership;

import java.security.SecureRandom;
import java.util.List;
import java.util.Optional;

import jakarta.ws.rs.core.Response;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.Authenticator;
import org.keycloak.events.Details;
import org.keycloak.forms.login.LoginFormsProvider;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;

/** The last step of a sign-in: whoever the client does not admit sees a page that says so, and gets no code. */
final class MembershipAuthenticator implements Authenticator {

    static final String ERROR = "not_admitted_by_client";
    static final String REFERENCE = "reference";

    private static final String PAGE = "coop-not-admitted.ftl";
    private static final String ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    private static final int REFERENCE_LENGTH = 8;
    private static final SecureRandom RANDOM = new SecureRandom();

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        ClientModel client = context.getAuthenticationSession().getClient();
        if (new Membership(context.getSession()).admits(client, context.getUser())) {
            context.success();
        } else {
            refuse(context, client);
        }
    }

    /** The page has no form; whatever is posted to this step is looked at like a first visit. */
    @Override
    public void action(AuthenticationFlowContext context) {
        authenticate(context);
    }

    /**
     * A challenge, not a failure: Keycloak counts a failed step as a wrong password, and would lock people who knocked
     * at the wrong door out of their own.
     */
    private void refuse(AuthenticationFlowContext context, ClientModel client) {
        String reference = reference();
        context.setAuthenticationSelections(List.of());
        UserModel user = context.getUser();
        context.getEvent()
                .user(user)
                .detail(Details.USERNAME, user.getUsername())
                .detail(REFERENCE, reference)
                .error(ERROR);
        LoginFormsProvider form = context.form()
                .setStatus(Response.Status.FORBIDDEN)
                .setAttribute("coopAccount", account(user))
                .setAttribute("coopTool", name(client))
                .setAttribute("coopReference", reference);
        helpDesk(context.getSession(), client, user).ifPresent(desk -> form
                .setAttribute("coopHelpDeskOf", desk.organization())
                .setAttribute("coopHelpDesk", desk.text())
                .setAttribute("coopHelpDeskLink", desk.link()));
        context.forceChallenge(form.createForm(PAGE));
    }

    private static Optional<HelpDesk> helpDesk(KeycloakSession session, ClientModel client, UserModel user) {
        return new Membership(session).concerned(client, user).map(HelpDesk::of).flatMap(Optional::stream).findFirst();
    }

    private static String account(UserModel user) {
        String email = user.getEmail();
        return email == null || email.isBlank() ? user.getUsername() : email;
    }

    private static String name(ClientModel client) {
        String name = client.getName();
        return name == null || name.isBlank() || name.contains("${") ? client.getClientId() : name;
    }

    /** Short enough to read out, without letters that sound or look like digits. */
    private static String reference() {
        StringBuilder reference = new StringBuilder(REFERENCE_LENGTH + 1);
        for (int position = 0; position < REFERENCE_LENGTH; position++) {
            if (position == REFERENCE_LENGTH / 2) {
                reference.append('-');
            }
            reference.append(ALPHABET.charAt(RANDOM.nextInt(ALPHABET.length())));
        }
        return reference.toString();
    }

    @Override
    public boolean requiresUser() {
        return true;
    }

    @Override
    public boolean configuredFor(KeycloakSession session, RealmModel realm, UserModel user) {
        return true;
    }

    @Override
    public void setRequiredActions(KeycloakSession session, RealmModel realm, UserModel user) {
        // There is nothing that a person could do about it at this point.
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
