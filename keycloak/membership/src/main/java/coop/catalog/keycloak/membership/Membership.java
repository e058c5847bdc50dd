package coop.catalog.keycloak.membership;

import java.util.stream.Stream;

import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.OrganizationModel;
import org.keycloak.models.UserModel;
import org.keycloak.organization.OrganizationProvider;

/** Answers, from the realm's organizations, whether a client admits somebody. */
final class Membership {

    private final OrganizationProvider organizations;

    Membership(KeycloakSession session) {
        this.organizations = session.getProvider(OrganizationProvider.class);
    }

    static Admission admission(ClientModel client) {
        return Admission.of(client::getAttribute);
    }

    /** Whether the client admits this person now. Neither may be missing, and a disabled account gets in nowhere. */
    boolean admits(ClientModel client, UserModel user) {
        return client != null
                && user != null
                && user.isEnabled()
                && admission(client).admits(id -> isMember(id, user));
    }

    /** The person's own organizations that are in force, then those that the client admits. */
    Stream<OrganizationModel> concerned(ClientModel client, UserModel user) {
        if (!organizations.isEnabled()) {
            return Stream.empty();
        }
        Stream<OrganizationModel> own = organizations.getByMember(user);
        Stream<OrganizationModel> admitted =
                admission(client).organizations().stream().sorted().map(organizations::getById);
        return Stream.concat(own, admitted).filter(organization -> organization != null && organization.isEnabled());
    }

    private boolean isMember(String id, UserModel user) {
        if (!organizations.isEnabled()) {
            return false;
        }
        OrganizationModel organization = organizations.getById(id);
        return organization != null && organization.isEnabled() && organization.isMember(user);
    }
}
