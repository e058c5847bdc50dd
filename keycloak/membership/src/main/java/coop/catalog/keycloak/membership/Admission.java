package coop.catalog.keycloak.membership;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * Whom a client lets in, and by which grants: what the client's attributes say, and nothing else.
 *
 * <p>It fails closed. A client that says nothing lets nobody in; a word that is not known here grants nothing.
 * An authorization code and the refreshing of its tokens need no listing: whoever gets one was looked at.
 */
record Admission(boolean everybody, Set<String> organizations, Set<Grant> grants) {

    static final String ACCESS = "coop.access";
    static final String ORGANIZATIONS = "coop.organizations";
    static final String GRANTS = "coop.grants";
    static final String EVERYBODY = "everybody";

    /** A way to a token beside the authorization code; {@code word} is how {@code coop.grants} names it. */
    enum Grant {
        CLIENT_CREDENTIALS("client_credentials"),
        DEVICE_CODE("device_code"),
        TOKEN_EXCHANGE("token_exchange"),
        CIBA("ciba"),
        PASSWORD("password");

        private final String word;

        Grant(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }

        private static Optional<Grant> of(String word) {
            return Arrays.stream(values()).filter(grant -> grant.word.equals(word)).findAny();
        }
    }

    /** Reads the rules out of a client's attributes; {@code attribute} gives null for one that is not there. */
    static Admission of(UnaryOperator<String> attribute) {
        return new Admission(
                EVERYBODY.equals(attribute.apply(ACCESS)),
                words(attribute.apply(ORGANIZATIONS)),
                words(attribute.apply(GRANTS)).stream()
                        .map(Grant::of)
                        .flatMap(Optional::stream)
                        .collect(Collectors.toUnmodifiableSet()));
    }

    /** Whether somebody gets in. {@code member} says of an organization's id whether it is in force and has them. */
    boolean admits(Predicate<String> member) {
        return everybody || organizations.stream().anyMatch(member);
    }

    boolean allows(Grant grant) {
        return grants.contains(grant);
    }

    private static Set<String> words(String value) {
        return value == null
                ? Set.of()
                : Arrays.stream(value.split("\\s+")).filter(word -> !word.isEmpty()).collect(Collectors.toUnmodifiableSet());
    }
}
