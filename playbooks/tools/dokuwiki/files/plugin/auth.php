<?php
// All wikis of the host share this file; each brings the plugin itself, as of its own revision.
require COOP_CODE . '/gateway.php';
