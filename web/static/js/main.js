// Better with a script, complete without: each module finds its own part of the page or rests.
import { copies } from "./copy.js";
import { reveal } from "./fragment.js";
import { keys } from "./keys.js";
import { reading } from "./reading.js";
import { recent } from "./recent.js";
import { search } from "./search.js";
import { following } from "./following.js";
import { theme } from "./theme.js";

reveal(document);
theme();
keys();
recent();
search();
copies();
reading();
following();
